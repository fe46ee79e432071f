import Raft
import TestKit
import Testing

@Suite struct ClusterTests {
    @Test(arguments: Seed.batch(16), [false, true])
    func `nothing wrong is ever agreed on, and in calm there is progress`(
        seed: Seed,
        isAsync: Bool
    ) throws {
        let cluster = try Cluster(seed: seed, isAsync: isAsync, changesMembership: false)
        try cluster.disturb(steps: 4_000)
        #expect(cluster.violations.isEmpty)
        #expect(try cluster.converges(within: 400))
        #expect(cluster.violations.isEmpty)
    }

    @Test(arguments: Seed.batch(16), [false, true])
    func `the group may change under way`(seed: Seed, isAsync: Bool) throws {
        let cluster = try Cluster(seed: seed, isAsync: isAsync, changesMembership: true)
        try cluster.disturb(steps: 4_000)
        #expect(cluster.violations.isEmpty)
        #expect(try cluster.converges(within: 400))
        #expect(cluster.violations.isEmpty)
    }

    /// Else the tests above could pass because nothing ever happens.
    @Test func `the disturbed cluster commits, reads and compacts`() throws {
        var (entries, reads, snapshots) = (0, 0, 0)
        for seed in Seed.batch(4) {
            let cluster = try Cluster(seed: seed, isAsync: true, changesMembership: false)
            try cluster.disturb(steps: 4_000)
            entries += cluster.history.count
            reads += cluster.readsAnswered
            snapshots += cluster.replicas.count { $0.log.snapshot.index.rawValue > 10 }
        }
        #expect(entries > 50)
        #expect(reads > 10)
        #expect(snapshots > 2)
    }
}
