package import ClusterAPI
package import Logging
package import Planning

/// Carries out steps. Each may be carried out again without harm; none waits.
package struct Executor: Sendable {
    private let directory: ClusterDirectory
    /// Where discarded clusters go.
    private let trash: String
    private let runtime: any Runtime
    private let programs: any ProgramStore
    private let ports: Ports
    private let logger: Logger
    /// How long a member may take to end after SIGTERM.
    private let patience = Duration.seconds(10)

    package init(
        directory: ClusterDirectory,
        trash: String,
        runtime: any Runtime,
        programs: any ProgramStore,
        ports: Ports,
        logger: Logger = Logger(label: "etcd-operator")
    ) {
        self.directory = directory
        self.trash = trash
        self.runtime = runtime
        self.programs = programs
        self.ports = ports
        self.logger = logger
    }

    /// Keeps the ports of a cluster that has a record from being given to another.
    package func reserve(_ record: ClusterRecord) {
        ports.reserve(record)
    }

    /// What came of a step.
    package enum Outcome: Hashable, Sendable {
        case done
        /// There was nothing left to do.
        case unchanged
        /// The cluster is no more; its files are at this path.
        case discarded(to: String)

        fileprivate var isTheEnd: Bool {
            if case .discarded = self { true } else { false }
        }
    }

    /// Carries out one step on the record, which is saved when it changes.
    package func run(
        _ step: Step,
        _ record: inout ClusterRecord?,
        _ cluster: EtcdCluster,
        source: String
    ) throws(OperatorError) -> Outcome {
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
            let outcome = try run(step, &known)
            record = outcome.isTheEnd ? nil : known
            return outcome
        }
    }

    private func run(_ step: Step, _ record: inout ClusterRecord) throws(OperatorError) -> Outcome {
        switch step {
        case .begin:
            guard record.phase == .planned else { return .unchanged }
            try begin(&record)
        case .start(let member, let state):
            return try start(member, state, &record)
        case .withdrawLaunch(let member):
            let files = directory.member(member)
            guard files.state(in: record) == .empty else { return .unchanged }
            try files.claim().release()
            try change(&record) { $0.update(member) { $0.launched = false } }
        case .markBootstrapped:
            try change(&record) { $0.phase = .bootstrapped }
        case .latch(let desired):
            try change(&record) { $0.desired = desired }
        case .stop(let members):
            return try stop(members)
        case .discard:
            // Rule 12: no process holds what is moved, seen by us or not.
            let claims = try directory.memberNames().map { name throws(OperatorError) in
                try directory.member(name).claim()
            }
            defer { for claim in claims { claim.release() } }
            let when = wallNow().description.filter { $0 != ":" }
            let place = "\(trash)/\(when)-\(record.namespace)-\(record.name)"
            try directory.discard(to: place)
            ports.release(uid: record.uid)
            return .discarded(to: place)
        case .allocate, .adoptRecord:
            return .unchanged
        }
        return .done
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
        let network = cluster.spec.network
        // The program is looked for first: a mistake in it should cost nothing.
        _ = try programs.pin(program(of: cluster.spec))
        let slots = try ports.allocate(
            count,
            base: network.basePort,
            address: network.address,
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
            try ports.probe(record.slots, record.address)
            return record.slots
        } catch {
            let base = record.applied.spec.network.basePort
            guard error.code == .portInUse, base == 0 else { throw error }
            return try ports.allocate(
                record.slots.count,
                base: base,
                address: record.address,
                uid: record.uid
            )
        }
    }

    private func start(
        _ name: String,
        _ state: InitialState,
        _ record: inout ClusterRecord
    ) throws(OperatorError) -> Outcome {
        let files = directory.member(name)
        guard let member = record.member(name), let launch = member.launch else {
            throw OperatorError(.state, "\(name) has no launch record", at: directory.path)
        }
        if case .running = runtime.process(using: files.data) { return .unchanged }
        // What was observed may have changed since: the last look is the one that counts.
        let found = files.state(in: record)
        try files.claim().release()
        switch (state, found) {
        case (.existing, .intact), (.new, .empty), (.new, .gone): break
        default:
            throw OperatorError(
                .foreign,
                "the directory is not as it was a moment ago (\(found))",
                at: files.path
            )
        }
        try ports.probe([record.slot(of: member)], record.address)
        try stamp(name, record)
        let program = try programs.path(
            of: .init(program: launch.program, sha256: launch.sha256),
            from: program(of: record.applied.spec)
        )
        if state == .new {
            // From here on data may exist.
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

    private func stamp(_ member: String, _ record: ClusterRecord) throws(OperatorError) {
        guard let problem = try directory.member(member).stamp(record) else { return }
        logger.warning("a copy of a record is out of date", metadata: ["error": "\(problem)"])
    }

    private func stop(_ members: [String]) throws(OperatorError) -> Outcome {
        var outcome = Outcome.unchanged
        for member in members
        where try runtime.stop(directory.member(member).data, patience: patience) {
            outcome = .done
        }
        return outcome
    }

    private func program(of spec: ClusterSpec) -> String {
        switch spec.engine {
        case .embedded: programs.embeddedPath
        case .etcd(_, let binary): binary
        }
    }

    /// 64 random bits in hexadecimal.
    private func newUID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
