import ClusterAPI
import Operator
import Planning
import Storage
import Synchronization

/// A machine in memory: its disk, its members, an operator that plans and executes on them.
final class World {
    let disk: MemoryDisk
    private let members: FakeMembers
    private(set) var lastPlan = ""
    private(set) var isSettled = false
    /// Member ids that have had a durable log, in this life of the machine or an earlier one.
    private var withLog: Set<String>

    var violations: [String] { members.violations }

    init(disk: MemoryDisk, after earlier: World? = nil) {
        self.disk = disk
        withLog = earlier.map { $0.members.withLog } ?? []
        members = FakeMembers(disk: disk, withLog: withLog)
    }

    /// Lets the operator make that many passes, or fewer when the power fails.
    func run(passes: Int) async {
        do throws(OperatorError) {
            let state = try StateDirectory(creating: "/state", on: disk)
            let cluster = state.cluster(Sample.name)
            let executor = Executor(
                on: cluster,
                runtime: members
            )
            for _ in 0..<passes where !disk.isCrashed && !isSettled {
                try await pass(cluster, executor)
            }
        } catch {
            // The power failed, or the disk refused: the next life shows what is left.
            lastPlan = error.description
        }
    }

    private func pass(
        _ cluster: ClusterDirectory,
        _ executor: Executor
    ) async throws(OperatorError) {
        let declared = EtcdCluster(metadata: Metadata(name: "orders"))
        var seen = Observation(name: Sample.name, spec: declared.spec, now: Self.now)
        var record = try cluster.record()
        if let record {
            seen.record = .read(record)
            seen.members = record.members.map { look(at: $0, record, cluster) }
            if seen.members.contains(where: \.isRunning) {
                seen.memberList = MemberList(
                    clusterID: record.clusterID,
                    entries: record.members.map {
                        .init(id: $0.id ?? "", name: $0.name, isLearner: false)
                    }
                )
            }
        } else if let names = try? disk.list(cluster.path + "/members") {
            seen.leftovers = names.filter { !$0.hasPrefix(".") }
        }
        let plan = Planning.plan(seen)
        lastPlan = plan.reason
        isSettled = plan.steps.isEmpty
        for step in plan.steps {
            _ = try await executor.run(
                step,
                &record,
                declared,
                source: "/specs/orders.yaml",
                seen
            )
        }
    }

    private func look(
        at member: ClusterRecord.Member,
        _ record: ClusterRecord,
        _ cluster: ClusterDirectory
    ) -> MemberObservation {
        let files = cluster.member(member.name)
        var observed = MemberObservation(
            name: member.name,
            directory: files.state(in: record),
            process: members.process(using: files.data)
        )
        if observed.isRunning {
            observed.probe = Probe(.serving)
            observed.probe.clusterID = record.clusterID
        }
        return observed
    }

    private static let now = Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 0))
}

/// Members that do one thing: they write a log when they start as new, and need one when not.
final class FakeMembers: Runtime {
    private struct State {
        var running: Set<String> = []
        var foreign: Set<String> = []
        var withLog: Set<String>
        var violations: [String] = []
        var commands: [[String]] = []
        var ended: [String: [EndedProcess]] = [:]
    }

    private let disk: MemoryDisk
    private let state: Mutex<State>

    init(disk: MemoryDisk, withLog: Set<String>) {
        self.disk = disk
        state = Mutex(State(withLog: withLog))
    }

    var withLog: Set<String> { state.withLock { $0.withLog } }
    var violations: [String] { state.withLock { $0.violations } }
    /// The command lines of all starts, the program first.
    var commands: [[String]] { state.withLock { $0.commands } }

    func start(
        _ program: String,
        _ arguments: [String],
        data: String,
        log: String
    ) throws(OperatorError) -> Int32 {
        let isNew = arguments.contains("--initial-cluster-state=new")
        state.withLock { state in
            if isNew, state.withLog.contains(data) {
                state.violations.append("\(data) seeded again")
            }
            state.running.insert(data)
            state.commands.append([program] + arguments)
        }
        guard isNew else { return 1 }
        do throws(DiskError) {
            try disk.createDirectory(data + "/member/wal")
            try disk.replace(data + "/member/wal/0.wal", with: [1])
        } catch {
            // The member died with the machine, before its log was durable.
            return 1
        }
        state.withLock { _ = $0.withLog.insert(data) }
        return 1
    }

    func process(using data: String) -> ProcessState {
        state.withLock { state in
            if state.foreign.contains(data) { return .foreign("process 2 is somebody else's") }
            return state.running.contains(data) ? .running(processID: 1, since: .zero) : .none
        }
    }

    /// Somebody else starts a member.
    func startForeign(_ data: String) {
        state.withLock { _ = $0.foreign.insert(data) }
    }

    func stop(_ data: String, patience: Duration) throws(OperatorError) -> Bool {
        state.withLock { $0.running.remove(data) != nil }
    }

    func isStopping(_ data: String) -> Bool { false }

    func adopt(ifOlderThan age: Duration) throws(OperatorError) -> Int { 0 }

    func takeEnded(_ data: String) -> [EndedProcess] {
        state.withLock { $0.ended.removeValue(forKey: data) ?? [] }
    }

    var running: [String] { state.withLock { $0.running.sorted() } }

    /// The process ends by itself, and its parent sees it.
    func end(_ data: String, _ status: ExitStatus) {
        let end = EndedProcess(
            status: status,
            at: .zero,
            ranFor: .seconds(1),
            witnessed: true,
            wasAsked: false
        )
        state.withLock { state in
            state.running.remove(data)
            state.ended[data, default: []].append(end)
        }
    }

    func users(below directory: String) -> [String] {
        state.withLock { $0.running.union($0.foreign) }.filter { $0.hasPrefix(directory + "/") }
            .sorted()
    }
}

/// Programs that need not exist.
struct FakePrograms: ProgramStore {
    var embeddedPath: String { "/bin/member" }

    func pin(_ source: String) throws(OperatorError) -> MemberProgram.Pinned {
        MemberProgram.Pinned(program: "member-00/member", sha256: "00")
    }

    func path(of pinned: MemberProgram.Pinned, from source: String) throws(OperatorError) -> String
    {
        "/bin/\(pinned.program)"
    }
}
