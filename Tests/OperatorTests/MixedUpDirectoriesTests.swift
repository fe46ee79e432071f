import ClusterAPI
import Operator
import Planning
import Storage
import Testing

/// The renames that put directories back in their members' places, with death after each of them.
@Suite struct MixedUpDirectoriesTests {
    private static let names = ["orders-0", "orders-1", "orders-2"]

    private static func members(_ disk: any Disk) throws -> ClusterDirectory {
        try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
    }

    /// The order in which the three members' directories stand in their places.
    @Test(arguments: [[1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]])
    func `whenever the operator dies the next one puts them back`(order: [Int]) async throws {
        let disk = MemoryDisk()
        try mixUp(disk, order)
        disk.recordMoments()
        try await putBack(disk)
        try check(disk)
        let moments = disk.moments
        #expect(moments.count > 6)
        for moment in moments {
            for left in [moment, moment.afterPowerLoss(seed: 1)] {
                try await putBack(left)
                try check(left)
            }
        }
    }

    /// All members have directories with a log and a file that says whose it is.
    private func mixUp(_ disk: MemoryDisk, _ order: [Int]) throws {
        let cluster = try Self.members(disk)
        let record = Sample.record(phase: .bootstrapped)
        try cluster.writeSentinel(record.uid)
        for name in Self.names {
            let member = cluster.member(name)
            try member.stamp(record)
            try disk.createDirectory(member.data + "/member/wal")
            try disk.replace(member.data + "/member/wal/0-0.wal", with: Array(name.utf8))
            try disk.rename(member.path, to: "\(cluster.path)/members/.x-\(name)")
        }
        for (place, owner) in zip(Self.names, order) {
            let from = "\(cluster.path)/members/.x-\(Self.names[owner])"
            try disk.rename(from, to: cluster.member(place).path)
        }
        try disk.syncDirectory(cluster.path + "/members")
    }

    /// What the loop does, until it does something else.
    private func putBack(_ disk: MemoryDisk) async throws {
        let cluster = try Self.members(disk)
        let executor = Executor(
            on: cluster,
            runtime: FakeMembers(disk: disk, withLog: [])
        )
        var record: ClusterRecord? = Sample.record(phase: .bootstrapped)
        let declared = EtcdCluster(metadata: Metadata(name: "orders"))
        for _ in 0..<10 {
            var seen = Observation(
                name: Sample.name,
                spec: declared.spec,
                now: Instant(monotonic: .seconds(100), wall: Timestamp(seconds: 1_800_000_000))
            )
            seen.record = .read(Sample.record(phase: .bootstrapped))
            seen.members = Self.names.map { name in
                let state = cluster.member(name).state(in: Sample.record(phase: .bootstrapped))
                return MemberObservation(name: name, directory: state)
            }
            let plan = plan(seen)
            switch plan.steps.first {
            case .putAside, .putBack:
                for step in plan.steps {
                    _ = try await executor.run(step, &record, declared, source: "a.yaml")
                }
            default:
                #expect(plan.steps == Self.names.map { .start(member: $0, as: .existing) })
                return
            }
        }
        Issue.record("it does not end")
    }

    private func check(_ disk: MemoryDisk) throws {
        let cluster = try Self.members(disk)
        for name in Self.names {
            let log = try disk.read(cluster.member(name).data + "/member/wal/0-0.wal")
            #expect(String(decoding: log, as: UTF8.self) == name)
        }
        #expect(try disk.list(cluster.path + "/members") == [".sentinel"] + Self.names)
    }
}
