import Chance
import Operator
import Planning
import Storage

/// What happens to a world of the operator, as the schedule says.
final class OperatorMischief {
    private unowned let world: OperatorWorld
    private lazy var schedule = FaultSchedule(world.stage, rates) {
        [unowned self] fault, generator in
        let happens = inject(fault, &generator)
        if happens { world.note(.fault, fault.rawValue) }
        return happens
    }
    private let rates: FaultRates
    /// What is declared, unless the spec is broken or gone.
    private(set) var replicas: Int
    private var isPaused = false
    private var deletes = false
    private var isDown = false
    private(set) var settings = DeclaredSettings()

    init(_ world: OperatorWorld, _ rates: FaultRates) {
        self.world = world
        self.rates = rates
        replicas = world.options.replicas
    }

    func start() { schedule.start() }

    private var isStopped: Bool { schedule.isStopped }

    /// Nothing is wrong any more but what was destroyed and what hangs.
    func stop() {
        schedule.stop()
        world.hiddenFolder = nil
        world.unreadableFolder = nil
        world.isFull = false
        world.deaf = []
        world.cutOff = []
        world.lies = []
        world.strangePorts = []
        world.lostQuestions = 0
        world.lostAnswers = 0
        world.delays = 1_000...20_000
        for process in world.processes where process.parent == 0 { world.end(process, .signal(9)) }
        // Of members none of which answers nobody can tell what is wrong with them.
        if world.processes.allSatisfy(\.isStopped) {
            for process in world.processes { process.isStopped = false }
        }
        world.run?.changesLeft = nil
        isPaused = false
        deletes = false
        if replicas == 0 { replicas = world.options.replicas }
        // What was halted goes on only when something is changed.
        if settings != DeclaredSettings() {
            settings.isNonsense = false
            settings.snapshotCount = 20_000
        }
        declare()
        world.startOperator()
        orderUp()
    }

    /// An operator that is not there, or not yet, has to be told again; and one that was told
    /// something else a moment before.
    private func orderUp() {
        if world.record?.desired != .up { world.order(.up) }
        world.stage.plan(in: 60_000_000) { [unowned self] in orderUp() }
    }

    /// It lasts for a while.
    private func forWhile(
        _ seconds: ClosedRange<Int>,
        _ generator: inout Generator,
        _ heal: @escaping () -> Void
    ) -> Bool {
        let time = generator.within(seconds) * 1_000_000
        world.stage.plan(in: time) { [unowned self] in
            if !isStopped { heal() }
        }
        return true
    }

    private func member(_ generator: inout Generator) -> SimulatedProcess? {
        let all = world.processes.filter { $0.parent > 0 }.sorted { $0.data < $1.data }
        return all.isEmpty ? nil : generator.pick(all)
    }

    private func inject(_ fault: Fault, _ generator: inout Generator) -> Bool {
        let world = world
        switch fault {
        case .operatorKill, .operatorCrash, .machinePowerLoss, .secondOperator, .lostFiles:
            return disturbOperator(fault, &generator)
        case .memberKill:
            guard let victim = member(&generator) else { return false }
            world.end(victim, .signal(9))
        case .memberStop:
            guard let victim = member(&generator), victim.replica != nil else { return false }
            victim.isStopped = true
            // Some never go on.
            guard generator.chance(0.6) else { return true }
            return forWhile(1...120, &generator) { victim.isStopped = false }
        case .wipe, .damage, .rot: return destroy(fault, &generator)
        case .lostMount:
            world.hiddenFolder = world.membersFolder
            return forWhile(1...200, &generator) { world.hiddenFolder = nil }
        case .unreadable:
            let victim = member(&generator)?.name
            world.unreadableFolder =
                victim.map { "\(world.membersFolder)/\($0)" } ?? world.membersFolder
            return forWhile(1...200, &generator) { world.unreadableFolder = nil }
        case .fullVolume:
            world.isFull = true
            return forWhile(1...60, &generator) { world.isFull = false }
        case .operatorCutOff:
            let all = world.processes.map(\.data).sorted()
            let victims = generator.chance(0.5) ? all : all.filter { _ in generator.chance(0.4) }
            world.deaf.formUnion(victims)
            return forWhile(1...400, &generator) { world.deaf = [] }
        case .memberCutOff:
            guard let victim = member(&generator) else { return false }
            world.cutOff.insert(victim.data)
            return forWhile(1...200, &generator) { world.cutOff = [] }
        case .wrongHealth:
            guard let victim = member(&generator) else { return false }
            world.lies.insert(victim.data)
            return forWhile(1...100, &generator) { world.lies = [] }
        case .lostAnswer:
            world.lostQuestions = generator.within(0...2)
            world.lostAnswers = generator.within(1...3)
        case .slowAnswer:
            world.delays = 1_000...generator.pick([1_000_000, 10_000_000])
            return forWhile(1...100, &generator) {
                world.delays = 1_000...world.options.slowest
            }
        case .clockJump:
            world.wallOffset += .seconds(generator.within(-7_200...7_200))
        case .ghost: return raiseGhost(&generator)
        case .strangerPort:
            guard let victim = member(&generator),
                let port = victim.peerURL.split(separator: ":").last.flatMap({ Int($0) })
            else { return false }
            world.end(victim, .signal(9))
            world.strangePorts.insert(port)
            return forWhile(1...120, &generator) { world.strangePorts = [] }
        case .outsideRemoval: return removeByHand(&generator)
        case .edit: return edit(&generator)
        case .settings:
            settings.change(&generator)
            declare()
        case .order:
            isDown.toggle()
            world.order(isDown ? .down : .up)
        case .swap: return swap(&generator)
        case .deletion: return delete(&generator)
        case .fullStore:
            // Something was written, or it would not be full.
            guard let victim = member(&generator), let replica = victim.replica,
                world.alarms.isEmpty, let leader = world.leader(of: replica),
                world.propose(.put(key: "filling", value: "\(world.stage.now)"), to: leader)
            else { return false }
            world.sizes[victim.data] = 8 << 30
            world.isCompacted = false
            world.alarms = [Alarm(.noSpace, memberID: String(replica.id, radix: 16))]
        default: return false
        }
        return true
    }

    private func disturbOperator(_ fault: Fault, _ generator: inout Generator) -> Bool {
        let world = world
        switch fault {
        case .operatorKill: world.operatorDies("by SIGKILL")
        case .operatorCrash:
            world.run?.changesLeft = generator.below(30)
            let pause = generator.within(20...120) * 1_000_000
            world.stage.plan(in: pause) { if !self.isStopped { world.startOperator() } }
            return world.run != nil
        case .machinePowerLoss: world.losePower()
        case .secondOperator: return world.tryAnotherOperator()
        case .lostFiles:
            world.operatorDies("and its files are lost")
            let names = ["cluster.json", "cluster.json.previous", "status.json", "journal.jsonl"]
            for name in names where generator.chance(0.7) {
                try? world.disk.removeAll("\(world.root)/\(name)")
            }
        default: return false
        }
        let pause = generator.within(1...60) * 1_000_000
        world.stage.plan(in: pause) { if !self.isStopped { world.startOperator() } }
        return true
    }

    /// Somebody's data is lost for good, at most as much as can be healed.
    private func destroy(_ fault: Fault, _ generator: inout Generator) -> Bool {
        guard let victim = member(&generator), victim.replica != nil,
            world.record?.phase == .bootstrapped, world.isAsRecorded
        else { return false }
        // What was never seen to have a log cannot be missed: whoever joins may try again.
        guard world.record?.member(victim.name)?.hasLog == true else { return false }
        let intact = world.intactStayingVoters
        // One is left, and those that differ are never a majority.
        let rotten = world.rottenCount
        guard intact > 1, fault == .rot ? rotten * 2 + 2 < intact : rotten == 0 else {
            return false
        }
        let folder = Replica.folder(victim.data)
        if fault != .rot { world.end(victim, .signal(9)) }
        do {
            switch fault {
            case .wipe:
                let member = String(victim.data.dropLast("/data".count))
                let place = generator.pick([
                    (victim.data, in: member), (member, in: world.membersFolder),
                    (folder, in: victim.data + "/member"),
                ])
                try world.disk.removeAll(place.0)
                // All of it, also when the power fails a moment later.
                try world.disk.syncDirectory(place.in)
            case .damage:
                guard let name = try world.disk.list(folder).first(where: { $0.hasSuffix(".wal") })
                else { return false }
                let byte = Int64(generator.within(80...160))
                try world.disk.rot("\(folder)/\(name)", at: byte, bit: 3)
            default:
                try world.disk.replace(victim.data + "/member/rot", with: [])
                victim.replica?.isRotten = true
            }
        } catch {
            return false
        }
        return true
    }

    /// What was put away, or what stands still, is started by somebody, maybe where no process
    /// table shows it.
    private func raiseGhost(_ generator: inout Generator) -> Bool {
        let isHidden = generator.chance(0.5)
        let folder = generator.chance(0.5) ? world.root + "/trash" : world.membersFolder
        guard let names = try? world.disk.list(folder), !names.isEmpty else { return false }
        return raiseGhost("\(folder)/\(generator.pick(names))", isHidden: isHidden)
    }

    private func raiseGhost(_ place: String, isHidden: Bool) -> Bool {
        // `world-3`, and in the trash `<when>-world-3`
        let ordinal = place.split(separator: "-").last.map(String.init) ?? ""
        let data = place + "/data"
        guard let arguments = world.launches["world-\(ordinal)"],
            !world.processes.contains(where: { $0.data == data }),
            (try? world.disk.status(Replica.folder(data))) ?? nil != nil
        else { return false }
        world.spawn(data, arguments, parent: 0, isHidden: isHidden)
        return true
    }

    /// Somebody copies disks and mixes two of them up.
    private func swap(_ generator: inout Generator) -> Bool {
        let all = world.processes.filter { $0.parent > 0 }.sorted { $0.data < $1.data }
        guard all.count > 1, world.record?.phase == .bootstrapped else { return false }
        let first = generator.below(all.count)
        let second = (first + 1 + generator.below(all.count - 1)) % all.count
        let places = [all[first], all[second]].map { String($0.data.dropLast("/data".count)) }
        for process in [all[first], all[second]] { world.end(process, .signal(9)) }
        do {
            let between = world.membersFolder + "/between"
            try world.disk.rename(places[0], to: between)
            try world.disk.rename(places[1], to: places[0])
            try world.disk.rename(between, to: places[1])
            try world.disk.syncDirectory(world.membersFolder)
        } catch {
            return false
        }
        // Some of them look at what they have copied.
        if generator.chance(0.3) { _ = raiseGhost(places[0], isHidden: generator.chance(0.5)) }
        return true
    }

    /// Somebody uses `etcdctl member remove`.
    private func removeByHand(_ generator: inout Generator) -> Bool {
        let leader = world.processes.compactMap(\.active).first(where: \.isLeader)
        guard let leader, leader.roster.voters.count > 2, world.confirms(leader),
            world.rottenCount == 0
        else { return false }
        let others = leader.roster.voters.filter { $0.id != leader.id }
        let victim = generator.pick(others)
        guard others.count(where: { world.answers($0, to: leader) }) == others.count,
            (try? world.mayReconfigure(leader)) != nil
        else { return false }
        world.removedByOthers += 1
        world.removedByHand.insert(victim.id)
        return world.propose(.remove(victim.id), to: leader)
    }

    private func edit(_ generator: inout Generator) -> Bool {
        switch generator.below(10) {
        case 0: world.declare(nil)
        case 1: world.declare(world.options.spec(replicas: replicas) + "\n  nonsense: [")
        case 2, 3:
            isPaused.toggle()
            declare()
        case 4:
            deletes.toggle()
            declare()
        case 5:
            replicas = 0
            declare()
        default:
            replicas = generator.pick([1, 2, 3, 3, 3, 4, 5])
            declare()
        }
        return true
    }

    private func declare() {
        world.declare(
            world.options.spec(
                replicas: replicas,
                isPaused: isPaused,
                deletes: deletes,
                settings: settings
            )
        )
    }

    private func delete(_ generator: inout Generator) -> Bool {
        world.declare(nil)
        let pause = generator.within(100...20_000) * 1_000
        world.stage.plan(in: pause) { [unowned self] in
            if !isStopped { world.order(.delete) }
        }
        return forWhile(30...400, &generator) { [unowned self] in declare() }
    }
}
