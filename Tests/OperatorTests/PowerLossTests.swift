import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

/// The power fails at every sync in turn.
@Suite struct PowerLossTests {
    @Test(arguments: Seed.batch(3))
    func `rule 35: an acknowledged record survives, and none is half there`(seed: Seed) throws {
        var syncs = 0
        while true {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            var written: [ClusterRecord] = []
            var acknowledged = 0
            do throws(OperatorError) {
                let cluster = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
                for phase in ClusterRecord.Phase.allCases {
                    for restarts in 0..<2 {
                        var record = Sample.record(phase: phase)
                        record.nextOrdinal += restarts
                        written.append(record)
                        try cluster.save(record)
                        acknowledged = written.count
                    }
                }
            } catch {
                #expect(error.code == .state)
            }
            let after = disk.afterPowerLoss(seed: seed.value &+ UInt64(syncs))
            let state = try StateDirectory(creating: "/state", on: after)
            let found = try state.cluster(Sample.name).record()
            let allowed = written.dropFirst(max(0, acknowledged - 1)).prefix(2)
            if acknowledged > 0 {
                #expect(found.map(allowed.contains) == true, "after \(syncs) syncs")
            } else {
                #expect(found == nil || found == written.first)
            }
            if !disk.isCrashed { return }
            syncs += 1
        }
    }

    @Test(arguments: Seed.batch(3))
    func `acknowledged lines of the journal survive in order, a torn one is cut`(seed: Seed) throws
    {
        var syncs = 0
        while true {
            let disk = MemoryDisk(crashAfterSyncs: syncs)
            var acknowledged = 0
            do throws(OperatorError) {
                let cluster = try StateDirectory(creating: "/state", on: disk).cluster(Sample.name)
                for number in 0..<10 {
                    try cluster.append(Self.entry(number))
                    acknowledged = number + 1
                }
            } catch {
                #expect(error.code == .state)
            }
            let after = disk.afterPowerLoss(seed: seed.value &+ UInt64(syncs))
            let cluster = try StateDirectory(creating: "/state", on: after).cluster(Sample.name)
            try cluster.append(Self.entry(99))
            let steps = try cluster.journal().map(\.step)
            let kept = (0..<steps.count - 1).map(String.init)
            #expect(steps == kept + ["99"])
            #expect(kept.count >= acknowledged && kept.count <= acknowledged + 1)
            if !disk.isCrashed { return }
            syncs += 1
        }
    }

    private static func entry(_ number: Int) -> JournalEntry {
        JournalEntry(
            time: Timestamp(seconds: 1),
            step: "\(number)",
            reason: "r",
            result: "done"
        )
    }

    /// Bootstraps a cluster of three with the real planner, the real executor and members that
    /// only write a log; the operator and all members lose power at every sync in turn.
    @Test(arguments: Seed.batch(2))
    func `rule 11: no power loss makes a member start as new over its own log`(
        seed: Seed
    ) async throws {
        var syncs = 0
        while true {
            let first = World(disk: MemoryDisk(crashAfterSyncs: syncs))
            await first.run(passes: 20)
            let second = World(
                disk: first.disk.afterPowerLoss(seed: seed.value &+ UInt64(syncs)),
                after: first
            )
            await second.run(passes: 20)
            #expect(second.violations.isEmpty, "after \(syncs) syncs: \(second.violations)")
            #expect(second.isSettled, "after \(syncs) syncs: \(second.lastPlan)")
            if !first.disk.isCrashed {
                #expect(first.lastPlan.hasPrefix("3 members serving"))
                return
            }
            syncs += 1
        }
    }
}
