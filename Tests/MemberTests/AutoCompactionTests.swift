import Member
import TestKit
import Testing

/// When history goes by itself. A tick is a minute here, and revisions grow with time, so that the
/// revision of a moment tells which moment it was.
@Suite struct AutoCompactionTests {
    /// The ticks at which a compaction was asked for, and to which tick's revision.
    private func run(
        _ policy: AutoCompaction.Policy,
        minutes: Int,
        leads: (Int) -> Bool = { _ in true },
        succeeds: (Int) -> Bool = { _ in true },
        revision: (Int) -> Int64 = { Int64($0) + 1 }
    ) -> [[Int]] {
        var compaction = AutoCompaction(policy, now: 0, tickMilliseconds: 60_000)
        var asked: [[Int]] = []
        for now in 1...minutes {
            let target = compaction.revisionToCompact(
                at: now,
                current: revision(now),
                isLeader: leads(now)
            )
            guard let target else { continue }
            asked.append([now, Int(target) - 1])
            compaction.finished(target, succeeded: succeeds(now), at: now)
        }
        return asked
    }

    private static let hour: Int64 = 3_600_000

    @Test func `an hour is looked at each six minutes and compacted each hour`() {
        // The first revision is that of the first tick.
        #expect(
            run(.periodic(milliseconds: Self.hour), minutes: 250)
                == [[60, 1], [120, 54], [180, 114], [240, 174]]
        )
    }

    @Test func `of a day nothing goes for a day, then each hour what is a day old`() {
        let asked = run(.periodic(milliseconds: 24 * Self.hour), minutes: 27 * 60)
        #expect(asked == [[1_440, 1], [1_500, 54], [1_560, 114], [1_620, 174]])
    }

    @Test func `half an hour is compacted each half an hour`() {
        let asked = run(.periodic(milliseconds: Self.hour / 2), minutes: 100)
        #expect(asked == [[30, 1], [60, 27], [90, 57]])
    }

    @Test func `what is kept is never younger than the period`() {
        for minutes in [7, 10, 45, 59, 60, 61, 90, 600] {
            let policy = AutoCompaction.Policy.periodic(milliseconds: Int64(minutes) * 60_000)
            let asked = run(policy, minutes: 2_000)
            #expect(asked.count > 2)
            for pair in asked {
                #expect(pair[0] - pair[1] >= minutes - 1, "\(minutes): \(pair)")
                #expect(pair[0] - pair[1] <= minutes + minutes / 5 + 2, "\(minutes): \(pair)")
            }
        }
    }

    @Test func `a new leader compacts at its first look to what it saw as a follower`() {
        let asked = run(.periodic(milliseconds: Self.hour), minutes: 150, leads: { $0 > 100 })
        #expect(asked == [[102, 36]])
    }

    @Test func `a compaction that fails is tried again at the next look`() {
        let asked = run(
            .periodic(milliseconds: Self.hour),
            minutes: 130,
            succeeds: { $0 > 70 }
        )
        #expect(asked == [[60, 1], [66, 1], [72, 6]])
    }

    @Test func `without changes nothing is asked for twice`() {
        let asked = run(.periodic(milliseconds: Self.hour), minutes: 500, revision: { _ in 5 })
        #expect(asked.count == 1)
        let kept = run(.revision(2), minutes: 500, revision: { _ in 5 })
        #expect(kept == [[5, 2]])
    }

    @Test func `a number of revisions is looked at each five minutes`() {
        let asked = run(.revision(10), minutes: 30)
        // At minute 5 there are fewer, at minute 10 one more.
        #expect(asked == [[10, 0], [15, 5], [20, 10], [25, 15], [30, 20]])
    }

    @Test func `ticks longer than a look do not hurry`() {
        var compaction = AutoCompaction(
            .periodic(milliseconds: 500),
            now: 0,
            tickMilliseconds: 100
        )
        var targets: [Int64] = []
        for now in 1...40 {
            let target = compaction.revisionToCompact(
                at: now,
                current: Int64(now),
                isLeader: true
            )
            guard let target else { continue }
            targets.append(Int64(now) - target)
            compaction.finished(target, succeeded: true, at: now)
        }
        #expect(targets.count == 8)
        #expect(targets.allSatisfy { (4...7).contains($0) }, "\(targets)")
    }
}
