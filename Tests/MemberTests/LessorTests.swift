import Keyspace
import Member
import TestKit
import Testing

/// Deadlines of leases, in ticks.
@Suite struct LessorTests {
    /// The simplest lessor that can be right: it looks at everything in every tick.
    private struct Model {
        struct Entry {
            var ttl: Int64
            var deadline: Int
            var triedAt: Int?
        }

        var now = 0
        var entries: [LeaseID: Entry] = [:]
        let tick: Int64
        let retry: Int

        func ticks(_ seconds: Int64) -> Int { Int((seconds * 1_000 + tick - 1) / tick) + 1 }

        /// All that may be revoked now.
        var due: [LeaseID] {
            entries.filter { entry in
                entry.value.deadline <= now
                    && (entry.value.triedAt.map { now >= $0 + retry } ?? true)
            }.map(\.key).sorted()
        }
    }

    private static func lease(_ id: Int64, _ ttl: Int64, remaining: Int64 = 0) -> Lease {
        Lease(id: LeaseID(id), grantedTTL: ttl, remainingTTL: remaining)
    }

    @Test(arguments: Seed.batch(40))
    func `a lessor decides as one does that looks at all leases in every tick`(seed: Seed) {
        var random = seed.generator()
        let tick = random.pick([10, 100, 333])
        var rules = Lessor.Rules(tickMilliseconds: tick)
        rules.retryMilliseconds = 5 * tick
        rules.revokesPerSecond = random.chance(0.5) ? 1_000_000 : 2_000 / tick
        let perTick = max(1, rules.revokesPerSecond * tick / 1_000)
        var lessor = Lessor(rules)
        var model = Model(tick: Int64(tick), retry: 5)
        var isPrimary = false
        for step in 0..<3_000 {
            let id = LeaseID(Int64(random.below(60)))
            switch random.below(12) {
            case 0 where model.entries[id] == nil:
                let ttl = Int64(random.below(20)) + 1
                lessor.granted(Self.lease(id.rawValue, ttl))
                if isPrimary {
                    let deadline = model.now + model.ticks(ttl)
                    model.entries[id] = Model.Entry(ttl: ttl, deadline: deadline)
                }
            case 1:
                lessor.revoked(id)
                model.entries[id] = nil
            case 2, 3, 4:
                let isOver = model.entries[id].map { $0.deadline <= model.now } ?? false
                #expect(lessor.isExpired(id) == isOver)
                guard let entry = model.entries[id], entry.deadline > model.now else { continue }
                lessor.renew(id)
                let deadline = model.now + model.ticks(entry.ttl)
                model.entries[id]?.deadline = deadline
            case 5 where random.chance(0.02):
                lessor.demote()
                isPrimary = false
                model.entries = [:]
            case 5 where random.chance(0.1):
                let leases = (0..<30).map { number in
                    Self.lease(
                        Int64(number),
                        Int64(random.below(20)) + 1,
                        remaining: random.chance(0.3) ? Int64(random.below(5)) : 0
                    )
                }
                // Few at a time, so that none is put off.
                lessor.promote(
                    Array(leases.prefix(rules.revokesPerSecond == 1_000_000 ? 30 : 1)),
                    electionTicks: 10
                )
                isPrimary = true
                model.entries = [:]
                for lease in leases.prefix(rules.revokesPerSecond == 1_000_000 ? 30 : 1) {
                    let left = lease.remainingTTL > 0 ? lease.remainingTTL : lease.grantedTTL
                    let deadline = model.now + 10 + model.ticks(left)
                    model.entries[lease.id] = Model.Entry(
                        ttl: lease.grantedTTL,
                        deadline: deadline
                    )
                }
            default:
                let ticks = random.chance(0.05) ? random.below(200) : 1
                lessor.advance(by: ticks)
                model.now += ticks
                let due = model.due
                let expired = lessor.takeExpired(atMost: .max)
                #expect(Set(expired).isSubset(of: due), "\(seed) step \(step)")
                #expect(expired.count == min(due.count, perTick), "\(seed) step \(step)")
                let now = model.now
                for id in expired { model.entries[id]?.triedAt = now }
            }
            let left = model.entries[id].map { entry in
                max(0, (Int64(entry.deadline - model.now - 1) * Int64(tick) - 1) / 1_000)
            }
            #expect(lessor.remainingSeconds(id) == left)
            #expect(lessor.isPrimary == isPrimary)
        }
        let order = model.entries.sorted {
            ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key)
        }
        #expect(lessor.idsByDeadline == order.map(\.key))
    }

    @Test func `whatever the moment between ticks, a lease lasts its whole time`() {
        for tick in [1, 7, 100, 250, 1_000, 3_000] {
            for ttl in [1, 2, 3, 60] as [Int64] {
                var lessor = Lessor(Lessor.Rules(tickMilliseconds: tick))
                lessor.promote([], electionTicks: 10)
                lessor.granted(Self.lease(1, ttl))
                var ticks = 0
                while lessor.takeExpired(atMost: 1).isEmpty {
                    lessor.advance(by: 1)
                    ticks += 1
                }
                // Granted just before the first tick, it has lived one tick less.
                #expect(Int64((ticks - 1) * tick) >= ttl * 1_000)
                #expect(Int64((ticks - 2) * tick) < ttl * 1_000)
            }
        }
    }

    @Test func `leases that would end together are spread, so that they can still be renewed`() {
        var lessor = Lessor(Lessor.Rules(tickMilliseconds: 100))
        lessor.promote((1...10_000).map { Self.lease($0, 10) }, electionTicks: 10)
        // 75 of each tick's 100 are given to them: the last ends 133 ticks after the first.
        lessor.advance(by: 111)
        var ended = lessor.takeExpired(atMost: .max)
        #expect(ended.count == 75)
        for id in ended { lessor.revoked(id) }
        #expect(!lessor.isExpired(LeaseID(10_000)))
        lessor.renew(LeaseID(10_000))
        lessor.advance(by: 101)
        #expect(lessor.isExpired(LeaseID(10_000)))
        for _ in 0..<200 {
            let more = lessor.takeExpired(atMost: .max)
            for id in more { lessor.revoked(id) }
            ended += more
            lessor.advance(by: 1)
        }
        #expect(ended.count == 10_000)
        #expect(Set(ended).count == 10_000)
    }

    @Test func `leases that come and go take no room for long`() {
        var lessor = Lessor(Lessor.Rules(tickMilliseconds: 100, checkpointSeconds: 300))
        lessor.promote([], electionTicks: 10)
        let took = ContinuousClock().measure {
            for number in 1...200_000 as ClosedRange<Int64> {
                lessor.granted(Self.lease(number, 9_000_000_000))
                lessor.revoked(LeaseID(number))
            }
        }
        #expect(lessor.scheduledCount < 200)
        #expect(took < .seconds(5))
    }

    @Test func `200,000 leases that are renewed all the time cost a tick next to nothing`() {
        var lessor = Lessor(Lessor.Rules(tickMilliseconds: 100))
        lessor.promote([], electionTicks: 10)
        for number in 1...200_000 as ClosedRange<Int64> {
            lessor.granted(Self.lease(number, 60 + number % 60))
        }
        var random = Seed(3).generator()
        var expired = 0
        // Two minutes in which every lease is renewed about six times.
        let took = ContinuousClock().measure {
            for _ in 0..<1_200 {
                lessor.advance(by: 1)
                for _ in 0..<1_000 { lessor.renew(LeaseID(Int64(random.below(200_000)) + 1)) }
                expired += lessor.takeExpired(atMost: .max).count
            }
        }
        #expect(expired > 0)
        #expect(took < .seconds(10))
    }

    @Test func `checkpoints come every interval, with what is left, until the lease is short`() {
        var rules = Lessor.Rules(tickMilliseconds: 100, checkpointSeconds: 300)
        rules.checkpointsPerBatch = 2
        var lessor = Lessor(rules)
        lessor.promote([], electionTicks: 10)
        for number in 1...3 as ClosedRange<Int64> { lessor.granted(Self.lease(number, 700)) }
        lessor.granted(Self.lease(4, 300))
        lessor.advance(by: 3_000)
        #expect(lessor.takeCheckpoints().isEmpty)
        lessor.advance(by: 1)
        let first = lessor.takeCheckpoints() + lessor.takeCheckpoints()
        #expect(first.map(\.lease.rawValue) == [1, 2, 3])
        #expect(first.allSatisfy { $0.remaining == 400 })
        #expect(lessor.isBeingCheckpointed(LeaseID(1)))
        #expect(lessor.takeCheckpoints().isEmpty)
        for point in first {
            lessor.checkpointed(Self.lease(point.lease.rawValue, 700, remaining: 400))
        }
        #expect(!lessor.isBeingCheckpointed(LeaseID(1)))
        lessor.advance(by: 3_001)
        let second = lessor.takeCheckpoints() + lessor.takeCheckpoints()
        #expect(second.map(\.remaining) == [100, 100, 100])
        lessor.advance(by: 4_000)
        #expect(lessor.takeCheckpoints().isEmpty)
        #expect(lessor.takeExpired(atMost: .max).count == 4)
    }

    @Test func `a new primary gives a checkpointed lease what was left and an election timeout`() {
        var lessor = Lessor(Lessor.Rules(tickMilliseconds: 100))
        lessor.promote(
            [Self.lease(1, 600, remaining: 7), Self.lease(2, 600), Self.lease(3, .max)],
            electionTicks: 10
        )
        #expect(lessor.idsByDeadline.map(\.rawValue) == [1, 2, 3])
        lessor.advance(by: 80)
        #expect(lessor.takeExpired(atMost: .max).isEmpty)
        lessor.advance(by: 1)
        #expect(lessor.takeExpired(atMost: .max).map(\.rawValue) == [1])
        lessor.advance(by: 5_929)
        #expect(lessor.takeExpired(atMost: .max).map(\.rawValue) == [1])
        lessor.advance(by: 1)
        #expect(lessor.takeExpired(atMost: .max).map(\.rawValue) == [2])
    }
}
