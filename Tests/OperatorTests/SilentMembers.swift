import ClusterAPI
import Operator
import Planning

/// Members that nobody can reach.
struct SilentMembers: Members {
    private static let silence = MemberError(.unclear, "connection refused")

    func look(at urls: [String]) async -> [MemberLook] {
        urls.map { _ in MemberLook(probe: Probe(.unreachable, message: "connection refused")) }
    }

    func list(from url: String) async throws(MemberError) -> MemberList { throw Self.silence }

    func addLearner(
        peerURL: String,
        through url: String
    ) async throws(MemberError) -> String {
        throw Self.silence
    }

    func remove(_ id: String, through url: String) async throws(MemberError) {
        throw Self.silence
    }

    func promote(_ id: String, through url: String) async throws(MemberError) {
        throw Self.silence
    }

    func moveLeader(to id: String, from leader: String) async throws(MemberError) {
        throw Self.silence
    }

    func hash(
        at revision: Int64,
        of url: String
    ) async throws(MemberError) -> HashComparison.Answer {
        throw Self.silence
    }

    func compact(to revision: Int64, through url: String) async throws(MemberError) {
        throw Self.silence
    }

    func defragment(_ url: String) async throws(MemberError) { throw Self.silence }

    func disarm(_ alarm: Alarm, through url: String) async throws(MemberError) {
        throw Self.silence
    }

    func settle(through url: String) async throws(MemberError) { throw Self.silence }

    func close() async {}
}

/// No tools: nothing is lost here.
struct NoTools: RecoveryTools {
    func salvage(_ copy: SurvivorCopy) async throws(OperatorError) -> Recovery.Salvaged {
        throw OperatorError(.process, "there are no tools")
    }

    func restore(_ member: FirstMember) async throws(OperatorError) {
        throw OperatorError(.process, "there are no tools")
    }
}

extension Executor {
    /// Of a machine in memory, with programs that need not exist.
    ///
    /// - Parameter root: The state directory.
    init(
        on directory: ClusterDirectory,
        root: String = "/state",
        runtime: any Runtime,
        members: any Members = SilentMembers(),
        tools: any RecoveryTools = NoTools(),
        ports: Ports = Ports(records: []) { _, _ in .free },
        clocks: Clocks = .machine
    ) {
        self.init(
            directory: directory,
            trash: root + "/trash",
            runtime: runtime,
            members: members,
            programs: FakePrograms(),
            tools: tools,
            ports: ports,
            clocks: clocks,
            logger: Fleet.logger
        )
    }

    /// One step of a cluster of which nothing is seen.
    @discardableResult
    func run(
        _ step: Step,
        _ record: inout ClusterRecord?,
        _ cluster: EtcdCluster,
        source: String
    ) async throws(OperatorError) -> Outcome {
        let now = Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 0))
        let seen = Observation(name: cluster.name, spec: cluster.spec, now: now)
        return try await run(step, &record, cluster, source: source, seen)
    }
}
