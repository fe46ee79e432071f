import Chance
import ClusterAPI
import Logging
import Operator
import Planning
import Storage

/// A machine on which the real operator works: its planner, its observer, its executor and its
/// state files, on a disk that loses power, with simulated members and processes.
final class OperatorWorld: @unchecked Sendable {  // because one thread drives the world
    let stage: Stage
    let options: OperatorOptions
    let stagehand = Stagehand()
    private(set) var disk = MemoryDisk()
    private(set) var processes: [SimulatedProcess] = []
    /// The operator's process; nil while there is none.
    private(set) var run: OperatorRun?
    private var runs = 0
    private var lastProcess: Int32 = 100
    /// Who waits for an answer.
    private var naps: [Int: CheckedContinuation<Void, Never>] = [:]
    private var napCount = 0
    private var isClosed = false
    private var lastRecord: (bytes: [UInt8]?, record: ClusterRecord?)?
    private var isRestartDue = false
    lazy var checker = OperatorChecker(self)

    // What is wrong with the world.
    /// What the operator and new processes do not see below this folder.
    var hiddenFolder: String?
    var unreadableFolder: String?
    var isFull = false
    /// Data directories of members that the operator cannot reach.
    var deaf: Set<String> = []
    /// And of those that the others cannot reach.
    var cutOff: Set<String> = []
    /// And of those that say the opposite of how they are.
    var lies: Set<String> = []
    /// Ports that somebody else listens on.
    var strangePorts: Set<Int> = []
    var lostQuestions = 0
    var lostAnswers = 0
    /// Answers take so many microseconds.
    var delays = 1_000...20_000
    var wallOffset: Duration = .zero
    /// Members that somebody else took off the list.
    var removedByOthers = 0
    /// Their ids.
    var removedByHand: Set<UInt64> = []
    /// How members were started last, by their names.
    var launches: [String: [String]] = [:]

    // What the members say.
    var alarms: [Alarm] = []
    var sizes: [String: Int64] = [:]
    var isCompacted = false
    static let usualSize: Int64 = 20 << 20

    // What is declared.
    private(set) var spec: [UInt8]?
    private var specChangedAt = 0
    /// Some spec said that the cluster goes when its spec does.
    private(set) var mayGo = false
    /// For how long nothing has declared the cluster.
    var absence: Duration { spec == nil ? .microseconds(stage.now - specChangedAt) : .zero }
    /// Nothing declares it, or nothing did when the operator looked last, which may be a while ago.
    var isUndeclared: Bool {
        spec == nil || undeclaredUntil.map { stage.now - $0 < 60_000_000 } ?? false
    }
    private var undeclaredUntil: Int?
    static let specFile = "/specs/world.yaml"

    static let name = ClusterName(namespace: "default", name: "world")
    let root = "/state/clusters/default/world"
    var membersFolder: String { root + "/members" }

    init(_ seed: Seed, _ options: OperatorOptions, trace: Trace) {
        self.options = options
        stage = Stage(seed, Network.Options(), trace)
    }

    func note(_ kind: Trace.Kind, _ text: @autoclosure () -> String) {
        let words = text()
        stage.note(kind, -1, fingerprint(words)) { words }
    }

    // MARK: - Time

    func monotonic(_ micros: Int) -> Duration { .seconds(1_000) + .microseconds(micros) }

    private var clocks: Clocks {
        Clocks(
            monotonicNow: { [unowned self] in monotonic(stage.now) },
            wallNow: { [unowned self] in
                let start = Timestamp(seconds: 1_800_000_000)
                return start.advanced(by: .microseconds(stage.now) + wallOffset)
            }
        )
    }

    func delay() async {
        await sleep(delayOfAnswer())
    }

    func delayOfAnswer() -> Int { stage.generator.within(delays) }

    func sleep(_ micros: Int) async {
        if isClosed { return }
        napCount += 1
        let nap = napCount
        await withCheckedContinuation { continuation in
            naps[nap] = continuation
            stage.plan(in: micros) { [unowned self] in naps.removeValue(forKey: nap)?.resume() }
        }
    }

    /// Lets time pass until the condition holds; false when it did not in time.
    @discardableResult
    func run(atMost micros: Int, until condition: () -> Bool = { false }) -> Bool {
        stage.run(atMost: micros) {
            stagehand.drain()
            return condition()
        }
    }

    // MARK: - The operator

    func startOperator() {
        guard run == nil else { return }
        runs += 1
        let next = OperatorRun(number: runs)
        note(.start, "operator \(runs) starts")
        do throws(OperatorError) {
            try begin(next)
        } catch {
            note(.end, "operator \(runs) gives up: \(error)")
            next.die()
            if run === next { run = nil }
            if isRestartDue { return }
            isRestartDue = true
            stage.plan(in: 5_000_000) { [unowned self] in
                isRestartDue = false
                startOperator()
            }
        }
    }

    private func begin(_ next: OperatorRun) throws(OperatorError) {
        run = next
        let disk = SimulatedDisk(self, next)
        let mounts = MountTable(fstab: "", mountinfo: "")
        let directory = try StateDirectory(creating: "/state", mounts: mounts, on: disk)
        next.lock = try directory.lock(as: Int32(next.number))
        let (catalog, records) = try directory.remembered(at: monotonic(stage.now))
        next.catalog = catalog
        let ports = Ports(
            records: records,
            check: { [unowned self] in portCheck($0, $1) },
            holder: { _ in "somebody" },
            ephemeral: 32_768...60_999
        )
        let (told, progress) = AsyncStream<Progress>.makeStream()
        next.progress = progress
        _ = Task(executorPreference: stagehand) { [self] in
            for await word in told { count(word) }
        }
        next.worker = makeWorker(next, directory, ports, progress)
        _ = Task(executorPreference: stagehand) { [self] in
            while !next.isDead, let worker = next.worker {
                lookAtSpecs(next)
                next.disruptions = 0
                let wait = await worker.pass()
                if next.isDead { break }
                if await worker.hasEnded {
                    // As `LocalOperator` does it.
                    next.catalog.forget(Self.name)
                    next.worker = makeWorker(next, directory, ports, progress)
                }
                let micros = Int(wait / .microseconds(1))
                await next.sleep(next.catalog.isSettling ? min(micros, 600_000) : micros, on: stage)
            }
        }
    }

    private func makeWorker(
        _ next: OperatorRun,
        _ directory: StateDirectory,
        _ ports: Ports,
        _ progress: AsyncStream<Progress>.Continuation
    ) -> ClusterWorker {
        let runtime = SimulatedRuntime(self, next)
        let members = SimulatedMembers(self, next)
        let tools = SimulatedTools(
            disk: SimulatedDisk(self, next),
            checker: checker,
            mistake: options.mistake
        )
        let cluster = directory.cluster(Self.name)
        var uids = stage.seed.generator(for: 1_000 + UInt64(next.number))
        let firstUID = uids.next()
        let executor = Executor(
            directory: cluster,
            trash: "/state/trash",
            runtime: runtime,
            members: members,
            programs: tools,
            tools: tools,
            ports: ports,
            clocks: clocks,
            newUID: { [unowned self] in
                String(firstUID &+ UInt64(stage.now), radix: 16)
            },
            logger: Self.silence
        )
        return ClusterWorker(
            directory: cluster,
            observer: ClusterObserver(
                directory: cluster,
                runtime: runtime,
                members: members,
                fleet: Fleet(),
                clocks: clocks
            ),
            executor: executor,
            planner: { [unowned self] seen in decide(seen) },
            catalog: { next.catalog },
            progress: progress,
            clocks: clocks,
            aside: { [stagehand] body in
                _ = Task(executorPreference: stagehand) {
                    await body()
                    next.ring()
                }
            },
            logger: Self.silence
        )
    }

    private static let silence = Logger(label: "world") { _ in SwiftLogNoOpLogHandler() }

    /// What the operator says that it has done, and not what it meant to do.
    private func count(_ word: Progress) {
        guard case .event(let event) = word, event.type == .normal,
            let occasion = Occasion(rawValue: "step" + event.reason)
        else { return }
        stage.count(occasion)
    }

    private func decide(_ seen: Observation) -> Plan {
        if options.mistake == .clearsLeftovers, seen.record == .absent { clearLeftovers() }
        if options.mistake == .putsAwayEarly { putAwayEarly(seen) }
        let plan = options.mistake?.plan(seen) ?? Planning.plan(seen)
        checker.decides(plan, seen)
        if !plan.steps.isEmpty {
            let steps = plan.steps.map { "\($0)" }.joined(separator: ", ")
            note(.ask, "\(steps): \(plan.reason)")
        }
        return plan
    }

    /// The mistake of that name: who leaves is forgotten before the others know it.
    private func putAwayEarly(_ seen: Observation) {
        guard let run, case .read(let record) = seen.record else { return }
        for member in seen.members
        where !member.isRunning && record.member(member.name)?.departure != nil {
            let folder = "\(membersFolder)/\(member.name)"
            try? SimulatedDisk(self, run).rename(folder, to: "\(root)/trash/early-\(stage.now)")
        }
    }

    /// The mistake of that name: what lies about goes out of the way.
    private func clearLeftovers() {
        for process in processes { end(process, .signal(9)) }
        try? disk.rename(membersFolder, to: "\(root)/cleared-\(stage.now)")
    }

    func operatorDies(_ how: String) {
        guard let run else { return }
        note(.end, "operator \(run.number) dies \(how)")
        run.die()
        self.run = nil
        checker.forgetsJoiners()
    }

    /// A second one on the same directory has to give up. True when it did; a world without a first
    /// one has no second.
    func tryAnotherOperator() -> Bool {
        guard run != nil else { return false }
        let other = OperatorRun(number: -1)
        do throws(OperatorError) {
            let disk = SimulatedDisk(self, other)
            let mounts = MountTable(fstab: "", mountinfo: "")
            let directory = try StateDirectory(creating: "/state", mounts: mounts, on: disk)
            try directory.lock(as: 99).release()
            stage.report(OperatorChecker.sharing, "a second got the lock")
        } catch {
            note(.answer, "a second operator gives up: \(error)")
        }
        return true
    }

    /// Ends everything, so that no task is left waiting.
    func close() {
        operatorDies("in the end")
        isClosed = true
        for process in processes { end(process, .signal(9)) }
        for nap in naps.values { nap.resume() }
        naps = [:]
        stagehand.drain()
    }

    /// A user's word.
    func order(_ command: ClusterCommand) {
        guard let worker = run?.worker else { return }
        note(.ask, "`\(command.rawValue)` is asked for")
        let run = run
        let order = checker.asks(command)
        _ = Task(executorPreference: stagehand) { [self] in
            do throws(OperatorError) {
                try await worker.perform(command)
                note(.answer, "`\(command.rawValue)` is done")
                checker.answers(order)
            } catch {
                note(.answer, "`\(command.rawValue)` is refused: \(error)")
            }
        }
        run?.ring()
    }

    /// What the record says now, whoever can read it; it is decoded anew only when it has changed.
    var record: ClusterRecord? {
        let bytes = try? disk.read(root + "/cluster.json")
        if let lastRecord, lastRecord.bytes == bytes { return lastRecord.record }
        let directory = try? StateDirectory(existing: "/state", on: disk)
        let record = try? directory?.cluster(Self.name).record()
        lastRecord = (bytes, record)
        return record
    }

    /// The next question is lost on its way.
    var losesQuestion: Bool {
        guard lostQuestions > 0 else { return false }
        lostQuestions -= 1
        return true
    }

    /// What was asked for is done, and who asked does not learn of it.
    var losesAnswer: Bool {
        guard lostAnswers > 0 else { return false }
        lostAnswers -= 1
        return true
    }

    // MARK: - Specs

    func declare(_ text: String?) {
        if text == nil, spec == nil { return }
        note(.fault, "the spec is \(text == nil ? "gone" : "there")")
        if spec == nil { undeclaredUntil = stage.now }
        spec = text.map { Array($0.utf8) }
        if spec == nil { checker.undeclares() }
        specChangedAt = stage.now
        if text?.contains("deletionPolicy: Delete") == true { mayGo = true }
        run?.ring()
    }

    private func lookAtSpecs(_ run: OperatorRun) {
        let age = Duration.microseconds(stage.now - specChangedAt)
        let readings: [String: SpecCatalog.Reading] =
            spec.map { [Self.specFile: .content($0, age: age)] } ?? [:]
        run.catalog.look(
            readings,
            in: ["/specs": FileIdentity(device: 1, inode: 1)],
            unreadable: [:],
            at: monotonic(stage.now)
        )
    }

    // MARK: - The disk

    func isHidden(_ path: String) -> Bool {
        hiddenFolder.map { path == $0 || path.hasPrefix($0 + "/") } ?? false
    }

    func isUnreadable(_ path: String) -> Bool {
        unreadableFolder.map { path == $0 || path.hasPrefix($0 + "/") } ?? false
    }

    /// The machine loses power: of what was not synced any part may survive.
    func losePower() {
        operatorDies("with the machine")
        for process in processes { end(process, .signal(9)) }
        let tear = stage.generator.pick([MemoryDisk.Tear.nothing, .sectors, .bytes])
        disk = disk.afterPowerLoss(seed: stage.generator.next(), tear: tear)
    }

    // MARK: - Processes

    /// As a process table shows it.
    func process(using data: String) -> SimulatedProcess? {
        processes.first { $0.data == data && !$0.isHidden }
    }

    func listener(_ clientURL: String) -> SimulatedProcess? {
        processes.first { $0.clientURL == clientURL }
    }

    func isDeaf(_ data: String) -> Bool { deaf.contains(data) }

    private func portCheck(_ address: String, _ port: Int) -> PortCheck {
        let isTaken = strangePorts.contains(port) || processes.contains { $0.listens(on: port) }
        return isTaken ? .busy : .free
    }

    @discardableResult
    func spawn(
        _ data: String,
        _ arguments: [String],
        parent: Int,
        isHidden: Bool = false
    ) -> SimulatedProcess {
        lastProcess += 1
        let process = SimulatedProcess(
            id: lastProcess,
            data: data,
            arguments,
            since: stage.now,
            parent: parent,
            isHidden: isHidden
        )
        processes.append(process)
        note(.start, "process \(process.id) of \(process.name) starts on \(data)")
        stage.plan(in: stage.generator.within(5_000...300_000)) { [unowned self] in
            if processes.contains(where: { $0 === process }) { boot(process) }
        }
        return process
    }

    /// SIGTERM: it takes effect when the process takes notice.
    func terminate(_ process: SimulatedProcess) {
        stage.plan(in: stage.generator.within(1_000...400_000)) { [unowned self] in
            guard processes.contains(where: { $0 === process }), !process.isStopped else { return }
            end(process, .code(0))
        }
    }

    func end(_ process: SimulatedProcess, _ status: ExitStatus, _ lastWords: String = "") {
        guard let index = processes.firstIndex(where: { $0 === process }) else { return }
        processes.remove(at: index)
        note(.end, "process \(process.id) of \(process.name) ends: \(status) \(lastWords)")
        process.replica?.close()
        process.lock?.release()
        // Another holder's lock would go when this is released again.
        process.lock = nil
        if !lastWords.isEmpty, process.parent > 0 { write(lastWords, of: process) }
        guard let run, run.held[process.data] == process.id else { return }
        run.held[process.data] = nil
        let isChild = process.parent == run.number
        run.ended[process.data, default: []].append(
            EndedProcess(
                status: isChild ? status : .unseen,
                at: monotonic(stage.now),
                ranFor: .microseconds(stage.now - process.since),
                witnessed: isChild,
                wasAsked: process.terminatedAt != nil
            )
        )
        run.ring()
    }

    private func write(_ words: String, of process: SimulatedProcess) {
        let folder = String(process.data.dropLast("/data".count)) + "/log"
        // On a full or lost disk the words are lost too.
        try? disk.createDirectory(folder)
        try? disk.replace(folder + "/member.log", with: Array("\(words)\n".utf8))
    }
}

/// FNV-1a of a text, for the digest.
private func fingerprint(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
