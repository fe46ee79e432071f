import EtcdProto
import Member
import Raft
import Storage
import TestKit
import Testing

/// A first start in which the power fails at any write or sync, and again while it is done again.
@Suite struct StartCrashTests {
    private static let directory = "/data/member/wal"

    /// What a first start must come to, and how.
    private struct Case {
        let first: Startup.First
        let member: MemberID
        let cluster: ClusterID
        let entries: [Entry]
        let state: HardState
    }

    private static func bootstrap() throws -> Case {
        let cluster = try InitialCluster(
            parsing: "a=http://a:1,b=http://b:1,c=http://c:1",
            token: "t"
        )
        let id = try #require(cluster.member(named: "b")).id
        return Case(
            first: .bootstrap(cluster, member: id),
            member: id,
            cluster: cluster.clusterID,
            entries: cluster.bootstrapEntries,
            state: cluster.bootstrapState
        )
    }

    private static func join() -> Case {
        let member = MemberID(rawValue: 0xB0B)
        let cluster = ClusterID(rawValue: 0xC1)
        return Case(
            first: .join(cluster, member: member),
            member: member,
            cluster: cluster,
            entries: [],
            state: HardState()
        )
    }

    @Test(arguments: [true, false])
    func `a first start that loses power anywhere is done again from anything it left`(
        bootstraps: Bool
    ) throws {
        let wanted = bootstraps ? try Self.bootstrap() : Self.join()
        let disk = MemoryDisk()
        disk.recordMoments()
        let finished = try start(wanted, on: disk)
        var crashes = 0
        for (number, moment) in disk.moments.enumerated() {
            let mustBeThere = number >= finished
            try moment.forEachPowerLoss(.bytes) { after, loss in
                crashes += 1
                let when = "before change \(number), \(loss)"
                try check(after, wanted, mustBeThere, when)
                guard crashes % 7 == 0 else { return }
                crashes += try checkSecondCrash(after, wanted, mustBeThere, when)
            }
        }
        #expect(crashes > 300, "\(crashes)")
    }

    /// Starts on what the first crash left, and starts again wherever that one is cut off.
    private func checkSecondCrash(
        _ disk: MemoryDisk,
        _ wanted: Case,
        _ mustBeThere: Bool,
        _ when: String
    ) throws -> Int {
        disk.recordMoments()
        let finished = try start(wanted, on: disk)
        var crashes = 0
        for (number, moment) in disk.moments.enumerated() {
            try moment.forEachPowerLoss(.sectors) { after, loss in
                crashes += 1
                let both = "\(when); then before change \(number), \(loss)"
                try check(after, wanted, mustBeThere || number >= finished, both)
            }
        }
        return crashes
    }

    /// A start here ends with the wanted log, and what it returned with is durable.
    private func check(
        _ disk: MemoryDisk,
        _ wanted: Case,
        _ mustBeThere: Bool,
        _ when: String
    ) throws {
        do {
            if mustBeThere, try !WAL.exists(on: disk, directory: Self.directory) {
                Issue.record("the log is gone: \(when)")
            }
            _ = try start(wanted, on: disk)
            let after = disk.afterPowerLoss(seed: 1, tear: .nothing)
            let again = try Startup.openLog(
                on: after,
                directory: Self.directory,
                first: nil,
                applied: .zero
            )
            again.wal.close()
            if !Self.fits(again, wanted) { Issue.record("not durable: \(when)") }
        } catch {
            Issue.record(error, "\(when)")
        }
    }

    /// Gives the number of changes after which it was done.
    private func start(_ wanted: Case, on disk: MemoryDisk) throws -> Int {
        let log = try Startup.openLog(
            on: disk,
            directory: Self.directory,
            first: wanted.first,
            applied: .zero,
            segmentSize: 8192
        )
        log.wal.close()
        #expect(Self.fits(log, wanted))
        return disk.momentCount
    }

    private static func fits(_ log: Startup.OpenLog, _ wanted: Case) -> Bool {
        log.memberID == wanted.member && log.clusterID == wanted.cluster
            && log.contents.entries == wanted.entries && log.contents.hardState == wanted.state
            && log.contents.marker == .zero
    }
}
