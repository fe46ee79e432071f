/// When history is compacted without anybody asking for it.
///
/// *Periodic* keeps about a period of history. Every tenth of the period (of an hour, when it is
/// longer) the revision is written down, and what is older than the period is what goes:
///
///     period 1 h:  note each 6 min, compact each hour to the revision of an hour ago
///     period 24 h: note each 6 min, wait 24 h, then compact each hour to that of a day ago
///
/// *Revision* keeps a number of revisions, looking every five minutes.
///
/// Every member notes, and the leader compacts; so a new leader goes on where the old one was.
/// Times are ticks, and a compaction that fails is tried again at the next look.
package struct AutoCompaction {
    package enum Policy: Hashable, Sendable {
        case periodic(milliseconds: Int64)
        case revision(Int64)
    }

    private let policy: Policy
    /// Between two looks.
    private let interval: Tick
    private var nextLook: Tick
    private var isUnderWay = false
    /// To which the last compaction that succeeded went.
    private var lastRevision: Int64 = 0

    // Periodic only.
    /// Revisions at the looks of the last period, the oldest first.
    private var noted: [Int64] = []
    private var notedMost = 0
    private var lastSuccess: Tick
    /// How long after the last compaction the next is due.
    private var pause: Tick
    private let pauseLater: Tick

    private static let hour: Int64 = 3_600_000
    private static let looksPerPeriod: Int64 = 10
    private static let revisionInterval = 300_000

    package init(_ policy: Policy, now: Int, tickMilliseconds: Int) {
        func ticks(_ milliseconds: Int64) -> Tick {
            let length = Int64(tickMilliseconds)
            return max(1, Int(clamping: (milliseconds - 1) / length + 1))
        }
        self.policy = policy
        lastSuccess = now
        switch policy {
        case .periodic(let period):
            let cycle = min(period, Self.hour)
            interval = ticks(cycle / Self.looksPerPeriod)
            pause = ticks(period)
            pauseLater = ticks(cycle)
            notedMost = pause / interval + 1
        case .revision:
            interval = ticks(Int64(Self.revisionInterval))
            pause = 0
            pauseLater = 0
        }
        nextLook = now + interval
    }

    /// To be asked at every tick, with the keyspace's present revision: to where to compact now.
    package mutating func revisionToCompact(at now: Int, current: Int64, isLeader: Bool) -> Int64? {
        // The first revision is noted at the start, without a look.
        if noted.isEmpty, notedMost > 0 { noted.append(current) }
        guard now >= nextLook else { return nil }
        nextLook = now + interval
        let target: Int64?
        switch policy {
        case .periodic:
            target = now - lastSuccess >= pause ? noted.first : nil
            noted.append(current)
            if noted.count > notedMost { noted.removeFirst() }
        case .revision(let kept):
            target = current > kept ? current - kept : nil
        }
        guard isLeader, !isUnderWay, let target, target != lastRevision else { return nil }
        isUnderWay = true
        pause = pauseLater
        return target
    }

    /// How the compaction that was asked for went; that somebody else was faster is as good.
    package mutating func finished(_ revision: Int64, succeeded: Bool, at now: Int) {
        isUnderWay = false
        guard succeeded else { return }
        lastSuccess = now
        lastRevision = revision
    }
}
