import ClusterAPI
import Operator
import Planning
import Raft
import Storage
import Synchronization
import Testing

/// The steps of a recovery, with what can go wrong in them (safety rules 3 to 5, 9, 12 and 19).
@Suite struct RecoveryStepTests {
    /// Tools that say what the test wants, and remember what they were given.
    private final class ScriptedTools: RecoveryTools {
        let failure = Mutex<OperatorError?>(nil)
        let disk: MemoryDisk

        init(_ disk: MemoryDisk) {
            self.disk = disk
        }

        func salvage(_ copy: SurvivorCopy) async throws(OperatorError) -> Recovery.Salvaged {
            if let error = failure.withLock({ $0 }) { throw error }
            let snapshot = copy.folder + "/salvaged.db"
            write(snapshot)
            return Recovery.Salvaged(snapshot: snapshot, hasHash: true, revision: 5, bump: 0)
        }

        func restore(_ member: FirstMember) async throws(OperatorError) {
            write(member.data + "/member/wal/0.wal")
            if let error = failure.withLock({ $0 }) { throw error }
        }

        private func write(_ path: String) {
            let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            #expect(throws: Never.self) {
                try disk.createDirectory(folder)
                try disk.replace(path, with: [1])
            }
        }
    }

    /// Three members of which the last has lost its data, in the midst of a recovery.
    private final class Desk {
        let disk = MemoryDisk()
        let tools: ScriptedTools
        let directory: ClusterDirectory
        var record: ClusterRecord?
        private let executor: Executor

        /// - Parameter logs: Term and number of entries of each log.
        init(logs: [(term: UInt64, last: UInt64)] = [(2, 9), (3, 4)]) throws {
            tools = ScriptedTools(disk)
            directory = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
            executor = Executor(
                on: directory,
                runtime: FakeMembers(disk: disk, withLog: []),
                tools: tools
            )
            var record = Sample.record(phase: .bootstrapped)
            for index in record.members.indices {
                record.members[index].launched = true
                record.members[index].hasLog = true
                record.members[index].launch = LaunchRecord(
                    program: "member-00/member",
                    sha256: "00",
                    arguments: []
                )
            }
            record.recovery = Recovery(why: "it is lost", at: Timestamp(seconds: 0))
            try directory.writeSentinel(record.uid)
            try directory.save(record)
            self.record = record
            for (index, log) in logs.enumerated() {
                try directory.member("orders-\(index)").stamp(record)
                try write(log, "orders-\(index)")
            }
        }

        private func write(_ log: (term: UInt64, last: UInt64), _ member: String) throws {
            let wal = try WAL.create(
                on: disk,
                directory: directory.member(member).data + "/member/wal",
                // Member 0xA1 of cluster 0xC1.
                metadata: [0x08, 0xA1, 0x01, 0x10, 0xC1, 0x01],
                segmentSize: 4096
            )
            let entries = (1...log.last).map { index in
                Entry(
                    term: Term(rawValue: log.term),
                    index: LogIndex(rawValue: index),
                    data: [7]
                )
            }
            let state = HardState(
                term: Term(rawValue: log.term),
                commit: LogIndex(rawValue: log.last)
            )
            try wal.append(entries, hardState: state)
            try wal.sync()
            wal.close()
        }

        var known: ClusterRecord {
            guard let record else { fatalError("there is no record") }
            return record
        }

        var recovery: Recovery? { record?.recovery }

        @discardableResult
        func run(_ step: Step) async throws -> Executor.Outcome {
            let now = Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 0))
            var seen = Observation(name: Sample.name, spec: ClusterSpec(), now: now)
            seen.record = .read(known)
            seen.members = known.members.map { member in
                let state = directory.member(member.name).state(in: known)
                return MemberObservation(name: member.name, directory: state)
            }
            let cluster = EtcdCluster(metadata: Metadata(name: "orders"))
            return try await executor.run(step, &record, cluster, source: "a.yaml", seen)
        }

        func fails(_ step: Step) async -> String {
            do {
                return "it did not fail: \(try await run(step))"
            } catch {
                return "\(error)"
            }
        }

        /// What is in a folder of the cluster; nil when there is no such folder.
        func names(_ folder: String) -> [String]? {
            try? disk.list("\(directory.path)/\(folder)")
        }
    }

    @Test func `rule 3: the newest log is the source, and everything follows from it`() async throws
    {
        let desk = try Desk()
        try await desk.run(.chooseSurvivor)
        #expect(desk.recovery?.source?.survivor == "orders-1")
        try await desk.run(.salvage)
        try await desk.run(.buildSeed)
        #expect(desk.known.members.map(\.name) == ["orders-3"])
        #expect(desk.known.incarnation == 2)
        try await desk.run(.retireOld)
        #expect(desk.recovery == nil)
        // The old members' data is kept, stamped; copies are not.
        #expect(desk.names("trash")?.count == 2)
        for name in desk.names("trash") ?? [] {
            let stamp = try desk.disk.status("\(desk.directory.path)/trash/\(name)/data/retired")
            #expect(stamp != nil, "\(name)")
        }
        #expect(desk.names("recovery") == nil)
        #expect(desk.names("members")?.filter { !$0.hasPrefix(".") } == ["orders-3"])
    }

    @Test func `rule 19: whose data was found wrong is the source only if nobody else is left`()
        async throws
    {
        let desk = try Desk()
        let departure = Departure(.dataDiffers, "", at: Timestamp(seconds: 0))
        desk.record?.update("orders-1") { $0.departure = departure }
        try await desk.run(.chooseSurvivor)
        #expect(desk.recovery?.source?.survivor == "orders-0")
        let alone = try Desk(logs: [(2, 9)])
        alone.record?.update("orders-0") { $0.departure = departure }
        guard case .changed(_, let to) = try await alone.run(.chooseSurvivor) else {
            Issue.record("nobody was chosen")
            return
        }
        #expect(to.hasSuffix("its data is in doubt, and there is no other"))
    }

    @Test func `rule 9: a recovery that has no room says how much it takes, and leaves nothing`()
        async throws
    {
        let desk = try Desk()
        try await desk.run(.chooseSurvivor)
        desk.disk.setCapacity(256 << 20)
        let error = await desk.fails(.salvage)
        #expect(error.contains("are free, and it takes"), "\(error)")
        #expect(desk.names("recovery") == nil)
        desk.disk.setCapacity(.max)
        try await desk.run(.salvage)
        #expect(desk.recovery?.phase == .building)
    }

    @Test func `attempts that fail leave no copies behind`() async throws {
        let desk = try Desk()
        try await desk.run(.chooseSurvivor)
        desk.tools.failure.withLock { $0 = OperatorError(.process, "it was killed") }
        _ = await desk.fails(.salvage)
        #expect(desk.names("recovery") == nil)
        #expect(desk.recovery?.phase == .salvaging)
        desk.tools.failure.withLock { $0 = nil }
        try await desk.run(.salvage)
        desk.tools.failure.withLock { $0 = OperatorError(.process, "it was killed") }
        for _ in 0..<3 { _ = await desk.fails(.buildSeed) }
        #expect(desk.names("trash") == nil)
        #expect(desk.recovery?.phase == .building)
        // What was begun of the new member is not taken for one when the recovery is called off.
        try await desk.run(.cancelRecovery)
        #expect(desk.recovery == nil && desk.names("recovery") == nil)
        #expect(desk.directory.member("orders-3").state(in: desk.known) == .gone)
    }

    @Test func `a survivor whose store is damaged makes way for the next`() async throws {
        let desk = try Desk()
        try await desk.run(.chooseSurvivor)
        desk.tools.failure.withLock { $0 = OperatorError(.damaged, "page 7 is torn") }
        try await desk.run(.salvage)
        #expect(desk.recovery?.phase == .stopping && desk.recovery?.source == nil)
        guard case .damaged(let why) = desk.directory.member("orders-1").state(in: desk.known)
        else {
            Issue.record("it may be chosen again")
            return
        }
        #expect(why.contains("page 7 is torn"))
        desk.tools.failure.withLock { $0 = nil }
        try await desk.run(.chooseSurvivor)
        #expect(desk.recovery?.source?.survivor == "orders-0")
    }
}
