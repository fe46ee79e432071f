import Chance
import FoundationEssentials
import Keyspace

/// A client that watches, on one member after the other, and believes nothing.
///
/// Its watches outlive its connections: with a new one, perhaps to another member, each goes on
/// behind the last revision that it was told of.
final class Observer {
    /// A watch of its own, on the present connection.
    private final class Subject {
        var checker: WatchChecker
        /// The number asked for; 0: any.
        let number: Int64
        /// The client does not want it any more, or it was compacted.
        var isOver = false

        init(_ checker: WatchChecker, number: Int64) {
            self.checker = checker
            self.number = number
        }
    }

    let id: Int
    private unowned let world: World
    private let keys: Int
    private var generator: Generator
    private let readingDelays: ClosedRange<Int>
    /// How many replies it takes at once.
    private(set) var appetite: Int
    /// How long it hears nothing before it tries another member, in milliseconds.
    private let patience: Int
    /// How long it does nothing, in milliseconds.
    private let rest: Int

    private var subjects: [Subject] = []
    private var connection: WatchConnection?
    /// Asked for, in order, and not answered.
    private var asked: [Subject] = []
    /// By the number that the member uses.
    private var known: [Int64: Subject] = [:]
    private var lastHeard = 0
    private var count = 0
    /// Nothing more is to be tried out; everything is to be heard.
    private var isFinal = false

    init(_ id: Int, _ world: World, _ options: Options) {
        self.id = id
        self.world = world
        keys = options.keys
        generator = world.stage.seed.generator(for: 2_000 + UInt64(id))
        readingDelays = generator.pick([
            0...500, 0...500, 1_000...20_000, 100_000...1_500_000,
        ])
        appetite = generator.pick([.max, .max, 1, 3])
        patience = generator.pick([1_500, 5_000, .max])
        rest = generator.pick([100, 700, 3_000])
    }

    func start() {
        for _ in 0...generator.below(3) { subjects.append(newSubject()) }
        connect()
        planAction()
    }

    /// Hears all there is, as fast as it comes.
    func finish() {
        isFinal = true
        appetite = .max
    }

    func readingDelay() -> Int {
        isFinal ? 500 : generator.within(readingDelays)
    }

    // MARK: Watches

    private func newSubject() -> Subject {
        count += 1
        let first = generator.below(keys)
        let range: (String, String) =
            switch generator.below(8) {
            case 0, 1, 2: ("k\(first)", "")
            case 3: ("k", "l")
            case 4: ("l", "m")
            case 5: ("k\(first)", "l2")
            default: ("\0", "\0")
            }
        var options: Watch.Options = []
        if generator.chance(0.4) { options.insert(.previous) }
        if generator.chance(0.3) { options.insert(.progress) }
        if generator.chance(0.1) { options.insert(.noPuts) }
        if generator.chance(0.1) { options.insert(.noDeletions) }
        let back = Int64(generator.below(120))
        let present = world.chronicle.revision
        let start: Int64 =
            switch generator.below(4) {
            case 0: max(1, present - back)
            case 1: present + back / 20
            default: 0
            }
        let checker = WatchChecker(
            KeyRange(key: Data(range.0.utf8), rangeEnd: Data(range.1.utf8)),
            options,
            from: start,
            owner: "watch \(count) of observer \(id)"
        )
        return Subject(checker, number: generator.chance(0.2) ? Int64(100 + count) : 0)
    }

    private func create(_ subject: Subject) {
        guard let connection else { return }
        asked.append(subject)
        let watch = Watch(
            id: subject.number,
            subject.checker.range,
            startRevision: subject.checker.position,
            options: subject.checker.options
        )
        world.ask(.create(watch), connection)
    }

    // MARK: Connections

    private func connect() {
        let running = world.machines.indices.filter { index in
            world.isRunning(index) && (!isFinal || world.isCurrent(index))
        }
        let choice = generator.next()
        if !running.isEmpty {
            let index = running[Int(choice % UInt64(running.count))]
            connection = world.openWatchConnection(index, self)
        }
        guard let connection else {
            return world.stage.plan(in: 100_000) { [unowned self] in
                if connection == nil { connect() }
            }
        }
        lastHeard = world.now
        world.stage.note(.watch, connection.machine, UInt64(id)) { "is watched by observer \(id)" }
        for subject in subjects { create(subject) }
    }

    private func hangUp() {
        if let connection { world.close(connection) }
        forget()
    }

    private func forget() {
        connection = nil
        asked = []
        known = [:]
    }

    /// The connection broke; the client will notice.
    func lost(_ connection: WatchConnection, after delay: Int) {
        world.stage.plan(in: delay) { [unowned self] in
            guard self.connection === connection else { return }
            forget()
            connect()
        }
    }

    // MARK: What it does by itself

    private func planAction() {
        let pause = generator.within(20...rest)
        world.stage.plan(in: pause * 1_000) { [unowned self] in
            act()
            planAction()
        }
    }

    private func act() {
        let roll = generator.below(100)
        guard let connection else { return }
        let isImpatient = world.now - lastHeard > patience
        let isUseless = isFinal && !world.isCurrent(connection.machine)
        if isUseless || (!isFinal && (isImpatient || roll < 4)) {
            hangUp()
            connect()
        } else if roll < 40 {
            world.ask(.progress, connection)
        } else if roll < 48, !isFinal {
            exchange(connection)
        }
    }

    /// Ends a watch and begins another one.
    private func exchange(_ connection: WatchConnection) {
        let position = generator.below(subjects.count)
        let subject = subjects[position]
        guard let number = known.keys.sorted().first(where: { known[$0] === subject }) else {
            return
        }
        subject.isOver = true
        world.ask(.cancel(number), connection)
        subjects[position] = newSubject()
        create(subjects[position])
    }

    // MARK: What it is told

    func receive(_ reply: WatchReply) {
        lastHeard = world.now
        let chronicle = world.chronicle
        switch reply.content {
        case .created: created(reply)
        case .refused(let reason): wrong("is refused: \(reason)")
        case .canceled:
            if known.removeValue(forKey: reply.watch)?.isOver != true {
                wrong("is canceled without being asked to")
            }
        case .compacted(let revision):
            guard let subject = subject(reply) else { return }
            world.stage.count(.watchCompacted)
            world.report(subject.checker.compacted(at: revision, chronicle))
            goOn(subject, reply.watch)
        case .progress:
            world.stage.count(.watchProgress)
            let isAll = reply.watch == WatchReply.noWatch
            for number in isAll ? known.keys.sorted() : [reply.watch] {
                world.report(known[number]?.checker.progressed(to: reply.revision, chronicle))
            }
        case .events(let events):
            guard let subject = subject(reply) else { return }
            world.stage.count(.watchEvent, by: events.list.count)
            world.report(
                subject.checker.take(events.list, header: reply.revision, chronicle)
            )
        }
    }

    private func created(_ reply: WatchReply) {
        guard !asked.isEmpty, known[reply.watch] == nil else { return wrong("begins by itself") }
        let subject = asked.removeFirst()
        world.stage.count(subject.checker.isBegun ? .watchResumed : .watchBegun)
        world.report(subject.checker.created(at: reply.revision, world.chronicle))
        known[reply.watch] = subject
    }

    /// The watch that a reply is about.
    private func subject(_ reply: WatchReply) -> Subject? {
        guard let subject = known[reply.watch] else {
            wrong("is told of something before it was begun, or after its end")
            return nil
        }
        return subject
    }

    /// What was compacted has to be looked up; what comes then is watched again.
    private func goOn(_ subject: Subject, _ number: Int64) {
        guard let connection, !subject.isOver else { return }
        subject.isOver = true
        world.ask(.cancel(number), connection)
        guard let position = subjects.firstIndex(where: { $0 === subject }) else { return }
        subjects[position] = Subject(subject.checker, number: 0)
        create(subjects[position])
    }

    private func wrong(_ text: String) {
        world.stage.report(WatchChecker.name, "a watch of observer \(id) \(text)")
    }

    // MARK: The end

    /// Whether it was told everything.
    var isComplete: Bool {
        guard connection?.isOpen == true, asked.isEmpty else { return false }
        return subjects.allSatisfy { $0.checker.isComplete(world.chronicle) }
    }

    func checkEnd() -> Violation? {
        if isComplete { return nil }
        for subject in subjects {
            if let found = subject.checker.checkEnd(world.chronicle) { return found }
        }
        return Violation(WatchChecker.endName, "a watch of observer \(id) was never begun")
    }
}
