package import ClusterAPI
package import Logging
package import Planning

/// Carries out steps. Each may be carried out again without harm; none waits for a process.
package struct Executor: Sendable {
    let directory: ClusterDirectory
    /// Where discarded clusters go.
    private let trash: String
    let runtime: any Runtime
    let members: any Members
    let programs: any ProgramStore
    let tools: any RecoveryTools
    private let ports: Ports
    let clocks: Clocks
    /// Never gives the same twice.
    let newUID: @Sendable () -> String
    private let logger: Logger
    /// How long a member may take to end after SIGTERM.
    let patience = Duration.seconds(10)
    /// And one that does not answer anyway.
    private let hangPatience = Duration.seconds(3)

    package init(
        directory: ClusterDirectory,
        trash: String,
        runtime: any Runtime,
        members: any Members,
        programs: any ProgramStore,
        tools: any RecoveryTools,
        ports: Ports,
        clocks: Clocks = .machine,
        newUID: @escaping @Sendable () -> String = randomUID,
        logger: Logger = Logger(label: "etcd-operator")
    ) {
        self.directory = directory
        self.trash = trash
        self.runtime = runtime
        self.members = members
        self.programs = programs
        self.tools = tools
        self.ports = ports
        self.clocks = clocks
        self.newUID = newUID
        self.logger = logger
    }

    /// Keeps the ports of a cluster that has a record from being given to another.
    package func reserve(_ record: ClusterRecord) {
        ports.reserve(record)
    }

    /// What came of a step.
    package enum Outcome: Hashable, Sendable {
        case done
        /// The same, with what it changed as it was and as it is.
        case changed(from: String, to: String)
        case found(Finding)
        /// The cluster does not do it now; it will be asked again.
        case notYet(String)
        /// There was nothing left to do.
        case unchanged
        /// The cluster is no more; its files are at this path.
        case discarded(to: String)

        fileprivate var isTheEnd: Bool {
            if case .discarded = self { true } else { false }
        }
    }

    /// What is remembered of a step that leaves nothing on disk.
    package enum Finding: Hashable, Sendable {
        case compared(HashComparison)
        case compacted
        case defragmented(String)
        case admitted
        case disarmed
    }

    /// Carries out one step on the record, which is saved when it changes.
    ///
    /// - Parameter seen: What the step was decided on.
    package func run(
        _ step: Step,
        _ record: inout ClusterRecord?,
        _ cluster: EtcdCluster,
        source: String,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome {
        switch step {
        case .allocate(let count):
            guard record == nil || record?.phase == .planned else { return .unchanged }
            record = try allocate(count, cluster, source, insteadOf: record)
            return .done
        case .adoptRecord(let rebuilt):
            guard record == nil else { return .unchanged }
            try directory.save(rebuilt)
            ports.reserve(rebuilt)
            record = rebuilt
            return .done
        default:
            guard var known = record else {
                throw OperatorError(.state, "there is no record for: \(step)", at: directory.path)
            }
            // What a step has saved stays, whatever becomes of the step.
            var isTheEnd = false
            defer { record = isTheEnd ? nil : known }
            let outcome = try await run(step, &known, seen)
            isTheEnd = outcome.isTheEnd
            return outcome
        }
    }

    private func run(
        _ step: Step,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome {
        switch step {
        case .begin:
            guard record.phase == .planned else { return .unchanged }
            try begin(&record)
        case .start(let member, let state):
            return try await start(member, state, &record, seen)
        case .withdrawLaunch(let member):
            let files = directory.member(member)
            guard files.state(in: record) == .empty else { return .unchanged }
            try files.claim().release()
            try change(&record) { $0.update(member) { $0.launched = false } }
        case .markBootstrapped:
            try changeMembers(&record) { $0.phase = .bootstrapped }
        case .latch(let desired):
            try change(&record) { $0.desired = desired }
        case .stop(let members):
            return try stop(members, patience: patience)
        case .discard:
            // Rule 12: no process holds what is moved, seen by us or not.
            let claims = try directory.claims(record.uid)
            defer { for claim in claims { claim.release() } }
            let place = "\(trash)/\(clocks.wallNow().fileName)-\(record.namespace)-\(record.name)"
            try directory.discard(to: place)
            ports.release(uid: record.uid)
            return .discarded(to: place)
        case .allocate, .adoptRecord:
            return .unchanged
        case .restart(let member):
            return try stop([member], patience: hangPatience)
        case .enlist:
            let target = seen.joinsAsRolledOut(record) ? record.rollout?.target : nil
            let slot = try ports.extend(record, in: (target ?? record.applied).spec.network)
            try changeMembers(&record) { $0.enlist(in: slot) }
            ports.reserve(record)
        case .retire(let member, let departure):
            try changeMembers(&record) { $0.update(member) { $0.departure = departure } }
        case .recall(let member):
            // Its removal may have been asked for, and the answer lost.
            // A learner that was to leave goes on as a learner.
            if record.member(member)?.isVoter == true,
                let hindrance = try await settle(member, votes: true, record, seen)
            {
                return hindrance
            }
            try changeMembers(&record) { $0.update(member) { $0.departure = nil } }
        case .trash(let member):
            let files = directory.member(member)
            // Rule 12: held data is told of before anybody is asked.
            try files.claim().release()
            if let hindrance = try await settle(member, votes: false, record, seen) {
                return hindrance
            }
            try files.discard(at: clocks.wallNow().fileName, of: record)
            try changeMembers(&record) { $0.forget(member) }
            ports.reserve(record)
        case .putAside(let member, let place):
            return try move(member, from: place, to: aside(member), record)
        case .putBack(let member, let place):
            return try move(member, from: place, to: member, record)
        case .adoptLearner(let member, let id):
            try changeMembers(&record) { $0.update(member) { $0.id = id } }
        case .admit(let member):
            if let hindrance = try await settle(member, votes: true, record, seen) {
                return hindrance
            }
            try changeMembers(&record) { $0.update(member) { $0.isVoter = true } }
            return .found(.admitted)
        case .moveLeader, .remove, .addLearner, .promote, .compareHashes, .compact, .defragment,
            .disarm:
            return try await ask(step, &record, seen)
        case .beginRollout, .relaunch, .correctLaunch, .accept, .rollBack, .haltRollout,
            .finishRollout:
            return try rollOut(step, &record)
        case .beginRecovery, .cancelRecovery, .chooseSurvivor, .salvage, .buildSeed, .retireOld:
            let outcome = try await recover(step, &record, seen)
            ports.reserve(record)
            return outcome
        }
        return .done
    }

    /// Moves a member's directory from one place to another, which must be free.
    private func move(
        _ member: String,
        from source: String,
        to target: String,
        _ record: ClusterRecord
    ) throws(OperatorError) -> Outcome {
        let (here, there) = (directory.member(source), directory.member(target))
        // Rule 12: nobody uses what is moved, seen by us or not.
        let claim = try here.claim()
        defer { claim.release() }
        guard here.state(in: record) == .misplaced(owner: member) else { return .unchanged }
        try here.move(to: there)
        return .changed(from: here.path, to: there.path)
    }

    /// Writes down whose log was seen, so that it is known for ever that there was one.
    package func keepLogs(
        _ seen: [MemberObservation],
        _ record: inout ClusterRecord
    ) throws(OperatorError) {
        let names = seen.filter { $0.directory == .intact }.map(\.name)
        guard record.members.contains(where: { names.contains($0.name) && !$0.hasLog }) else {
            return
        }
        try change(&record) { record in
            for name in names { record.update(name) { $0.hasLog = true } }
        }
    }

    /// A change of who the members are, which their copies of the record are told.
    func changeMembers(
        _ record: inout ClusterRecord,
        _ body: (inout ClusterRecord) -> Void
    ) throws(OperatorError) {
        try change(&record, body)
        for problem in directory.renewCopies(record) {
            logger.warning("a copy is out of date", metadata: ["error": "\(problem)"])
        }
    }

    private func change(
        _ record: inout ClusterRecord,
        _ body: (inout ClusterRecord) -> Void
    ) throws(OperatorError) {
        var changed = record
        body(&changed)
        try directory.save(changed)
        record = changed
    }

    private func allocate(
        _ count: Int,
        _ cluster: EtcdCluster,
        _ source: String,
        insteadOf planned: ClusterRecord?
    ) throws(OperatorError) -> ClusterRecord {
        let uid = planned?.uid ?? newUID()
        // The program is looked for first: a mistake in it should cost nothing.
        _ = try programs.pin(program(of: cluster.spec))
        let slots = try ports.allocate(
            count,
            in: cluster.spec.network,
            uid: uid
        )
        var record = ClusterRecord(
            cluster: cluster,
            uid: uid,
            token: "\(cluster.name.name)-\(uid)",
            slots: slots,
            source: source
        )
        if let planned {
            record.desired = planned.desired
            record.sourceFolder = planned.sourceFolder
        }
        do throws(OperatorError) {
            try directory.writeSentinel(uid)
            try directory.save(record)
        } catch {
            if planned == nil { ports.release(uid: uid) }
            throw error
        }
        ports.reserve(record)
        return record
    }

    /// Everything that could fail is tried before `started` is written.
    private func begin(_ record: inout ClusterRecord) throws(OperatorError) {
        let spec = record.applied.spec
        let pinned = try programs.pin(program(of: spec))
        var started = record
        started.place(in: try freeSlots(record))
        let flags = MemberFlags(record: started, spec: spec)
        for member in started.members {
            let launch = LaunchRecord(
                program: pinned.program,
                sha256: pinned.sha256,
                arguments: flags.arguments(member)
            )
            started.update(member.name) { $0.launch = launch }
        }
        started.phase = .started
        for member in started.members { try stamp(member.name, started) }
        try directory.save(started)
        ports.reserve(started)
        record = started
    }

    /// The ports of a cluster of which nothing was started yet: those of the record, or others if
    /// we chose them ourselves and somebody has taken one since.
    private func freeSlots(
        _ record: ClusterRecord
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        do throws(OperatorError) {
            try ports.probe(record.slots)
            return record.slots
        } catch {
            let network = record.applied.spec.network
            guard error.code == .portInUse, network.basePort == 0 else { throw error }
            return try ports.allocate(record.slots.count, in: network, uid: record.uid)
        }
    }

    private func start(
        _ name: String,
        _ state: InitialState,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome {
        let files = directory.member(name)
        if case .running = runtime.process(using: files.data) { return .unchanged }
        let joins = record.member(name).map { !$0.isVoter && !$0.launched } ?? false
        if joins, let notYet = try await prepareJoin(name, &record, seen) { return notYet }
        guard let member = record.member(name), let launch = member.next ?? member.launch else {
            throw OperatorError(.state, "\(name) has no launch record", at: directory.path)
        }
        // What was observed may have changed since: the last look is the one that counts.
        let found = files.state(in: record)
        try files.claim().release()
        switch (state, found) {
        case (.existing, .intact), (.new, .empty), (.new, .gone): break
        case (.existing, .empty), (.existing, .gone):
            if joins { break }
            fallthrough
        default:
            throw OperatorError(
                .foreign,
                "the directory is not as it was a moment ago (\(found))",
                at: files.path
            )
        }
        try ports.probe([member.slot])
        try stamp(name, record)
        let program = try programs.path(
            of: .init(program: launch.program, sha256: launch.sha256),
            from: program(of: record.spec(behind: launch))
        )
        try adoptNext(name, &record)
        // What a member that joins runs is new to the others.
        if joins { try changeMembers(&record) { _ in } }
        // From here on data may exist, and who dies before the start has spoilt the member.
        if joins || state == .new {
            try change(&record) { $0.update(name) { $0.launched = true } }
        }
        try runtime.start(
            program,
            // Where things are now, wherever they were at the first start.
            launch.arguments + [
                "--data-dir=\(files.data)", "--initial-cluster-state=\(state.rawValue)",
            ],
            data: files.data,
            log: files.log
        )
        return .done
    }

    /// The command line of a member that joins names all members that are listed now. Returns why
    /// it cannot be started yet.
    private func prepareJoin(
        _ name: String,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome? {
        guard let member = record.member(name) else { return nil }
        let list: MemberList
        do throws(MemberError) {
            list = try await confirmed(record, by: seen.witnesses(record)).list
        } catch  where error.kind == .notYet {
            return .notYet(error.description)
        } catch {
            throw OperatorError(.member, error.description)
        }
        guard list.entry(member.id) != nil else { return .notYet("\(name) is not listed") }
        let joinsAsRolledOut = seen.joinsAsRolledOut(record)
        let program = try joinsAsRolledOut ? rolledOutProgram(record) : appliedProgram(record)
        let spec = joinsAsRolledOut ? record.rollout?.target.spec : nil
        let launch = LaunchRecord(
            program: program.program,
            sha256: program.sha256,
            arguments: MemberFlags(record: record, spec: spec ?? record.applied.spec)
                .arguments(member, joining: list)
        )
        record.update(name) { $0.launch = launch }
        return nil
    }

    private func stamp(_ member: String, _ record: ClusterRecord) throws(OperatorError) {
        guard let problem = try directory.member(member).stamp(record) else { return }
        logger.warning("a copy of a record is out of date", metadata: ["error": "\(problem)"])
    }

    func stop(
        _ names: [String],
        patience: Duration
    ) throws(OperatorError) -> Outcome {
        var outcome = Outcome.unchanged
        for member in names
        where try runtime.stop(directory.member(member).data, patience: patience) {
            outcome = .done
        }
        return outcome
    }

    func program(of spec: ClusterSpec) -> String {
        switch spec.engine {
        case .embedded: programs.embeddedPath
        case .etcd(_, let binary): binary
        }
    }
}

/// 64 random bits in hexadecimal.
@Sendable package func randomUID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
