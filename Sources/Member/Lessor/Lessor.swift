package import Keyspace

/// When leases end: the leader's business, counted in ticks.
///
/// While its member leads it is the primary and knows a deadline for every lease; otherwise it
/// knows none, and no lease ends. It only says what is due: the member proposes that, and hears of
/// the outcome from the log.
///
/// A deadline is never early. A tick may pass just after a lease was granted, so one is added.
/// Ticks that are due and come late, after what waited in sockets meanwhile, are counted in
/// beforehand. And a new primary gives each lease its whole time anew (what a checkpoint left of
/// it, if there is one) and an election timeout on top, for the time in which nobody led.
///
/// Renewing is by far what happens most, so it only notes the new deadline: the heap keeps the old
/// one, and when that comes up the lease goes back in with the new.
package struct Lessor {
    package struct Rules: Hashable, Sendable {
        package var tickMilliseconds: Int
        /// Between two checkpoints of a lease, in seconds; nil: none are made.
        package var checkpointSeconds: Int64?
        /// So many leases end in a second at most.
        package var revokesPerSecond = 1_000
        /// What was due and did not happen is tried again after so many milliseconds.
        package var retryMilliseconds = 3_000
        /// The most that one proposal covers.
        package var checkpointsPerBatch = 1_000

        package init(tickMilliseconds: Int, checkpointSeconds: Int64? = nil) {
            self.tickMilliseconds = tickMilliseconds
            self.checkpointSeconds = checkpointSeconds
        }
    }

    private struct Entry {
        var ttl: Int64
        var deadline: Int
        /// Of its one item in the heap that counts.
        var dueAt: Int
        /// The same of checkpoints; nil for none.
        var checkpointAt: Int?
        /// A checkpoint was proposed and may still come through the log.
        var isBeingCheckpointed = false
    }

    private let rules: Rules
    private var now: Int = 0
    /// Ticks that are due and were not told yet.
    private var late: Int = 0
    private var entries: [LeaseID: Entry] = [:]
    private var due = TickHeap()
    private var checkpoints = TickHeap()
    package private(set) var isPrimary = false

    package init(_ rules: Rules) {
        self.rules = rules
    }

    /// Time has passed.
    package mutating func advance(by ticks: Int) {
        now += ticks
        late = 0
    }

    /// More time has passed than was told, by up to so many ticks: these will come.
    package mutating func noticeLateness(ticks: Int) {
        late = max(late, ticks)
    }

    /// The present, or a little later.
    private var present: Int { now + late }

    // MARK: Leadership

    /// Its member leads, and all that earlier leaders did is applied.
    package mutating func promote(_ leases: [Lease], electionTicks: Int) {
        demote()
        isPrimary = true
        var deadlines = leases.map { lease in
            let left = lease.remainingTTL > 0 ? lease.remainingTTL : lease.grantedTTL
            return (lease: lease, at: present + electionTicks + ticks(left))
        }
        deadlines.sort { ($0.at, $0.lease.id) < ($1.at, $1.lease.id) }
        spread(&deadlines)
        for (lease, deadline) in deadlines {
            entries[lease.id] = Entry(ttl: lease.grantedTTL, deadline: deadline, dueAt: deadline)
            due.push(TickHeap.Item(tick: deadline, lease: lease.id))
            scheduleCheckpoint(of: lease)
        }
    }

    /// Leases that were granted over a long time now end together. Those that are too many for
    /// their moment get a later one, so that they can still be renewed until they end.
    private func spread(_ deadlines: inout [(lease: Lease, at: Int)]) {
        let most = max(1, perTick * 3 / 4)
        var tick = 0
        var count = 0
        for position in deadlines.indices {
            if deadlines[position].at > tick {
                tick = deadlines[position].at
                count = 0
            } else if count == most {
                tick += 1
                count = 0
            }
            deadlines[position].at = tick
            count += 1
        }
    }

    /// Somebody else decides from now on.
    package mutating func demote() {
        isPrimary = false
        entries = [:]
        due = TickHeap()
        checkpoints = TickHeap()
    }

    // MARK: What the log brings

    package mutating func granted(_ lease: Lease) {
        guard isPrimary else { return }
        let deadline = present + ticks(lease.grantedTTL)
        entries[lease.id] = Entry(ttl: lease.grantedTTL, deadline: deadline, dueAt: deadline)
        due.push(TickHeap.Item(tick: deadline, lease: lease.id))
        scheduleCheckpoint(of: lease)
    }

    package mutating func revoked(_ id: LeaseID) {
        entries[id] = nil
        // What the heaps hold of leases that are gone must not outgrow the rest.
        if due.count > 2 * entries.count + 64 {
            due.removeAll { entries[$0.lease]?.dueAt != $0.tick }
        }
        if checkpoints.count > 2 * entries.count + 64 {
            checkpoints.removeAll { entries[$0.lease]?.checkpointAt != $0.tick }
        }
    }

    package mutating func checkpointed(_ lease: Lease) {
        entries[lease.id]?.isBeingCheckpointed = false
        scheduleCheckpoint(of: lease)
    }

    // MARK: Clients

    /// Gives a lease its whole time anew.
    package mutating func renew(_ id: LeaseID) {
        guard var entry = entries[id] else { return }
        entry.deadline = present + ticks(entry.ttl)
        if entry.deadline < entry.dueAt {
            // It was longer before: a new primary is generous.
            entry.dueAt = entry.deadline
            due.push(TickHeap.Item(tick: entry.deadline, lease: id))
        }
        entries[id] = entry
    }

    /// Its time is over, though it may still be in the table.
    package func isExpired(_ id: LeaseID) -> Bool {
        entries[id].map { $0.deadline <= now } ?? false
    }

    /// A renewal must first see to it that no checkpoint shortens the lease afterwards.
    package func isBeingCheckpointed(_ id: LeaseID) -> Bool {
        entries[id]?.isBeingCheckpointed ?? false
    }

    /// The whole seconds that are certainly left; nil for who does not decide.
    package func remainingSeconds(_ id: LeaseID) -> Int64? {
        guard let entry = entries[id] else { return nil }
        let milliseconds = Int64(entry.deadline - present - 1) * Int64(rules.tickMilliseconds) - 1
        return max(0, milliseconds / 1_000)
    }

    /// All leases, the first to end first.
    package var idsByDeadline: [LeaseID] {
        entries.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.key)
    }

    /// How many things are planned, among them such as have become void.
    package var scheduledCount: Int { due.count + checkpoints.count }

    // MARK: What is due

    /// Leases whose time is over, at most so many, and no more than one tick may end. What is not
    /// revoked then comes again.
    package mutating func takeExpired(atMost limit: Int) -> [LeaseID] {
        var expired: [LeaseID] = []
        let most = min(limit, perTick)
        while expired.count < most, let item = due.first, item.tick <= now {
            due.popFirst()
            guard var entry = entries[item.lease], entry.dueAt == item.tick else { continue }
            if entry.deadline <= now {
                expired.append(item.lease)
                entry.dueAt = now + max(1, rules.retryMilliseconds / rules.tickMilliseconds)
            } else {
                entry.dueAt = entry.deadline
            }
            entries[item.lease] = entry
            due.push(TickHeap.Item(tick: entry.dueAt, lease: item.lease))
        }
        return expired
    }

    /// What is left of leases that have not been checkpointed for an interval; in seconds, rounded
    /// up, as much as one batch may hold.
    package mutating func takeCheckpoints() -> [(lease: LeaseID, remaining: Int64)] {
        var points: [(lease: LeaseID, remaining: Int64)] = []
        guard let interval = rules.checkpointSeconds else { return points }
        while points.count < rules.checkpointsPerBatch, let item = checkpoints.first,
            item.tick <= now
        {
            checkpoints.popFirst()
            guard var entry = entries[item.lease], entry.checkpointAt == item.tick else { continue }
            entry.checkpointAt = nil
            if entry.deadline > now {
                let milliseconds = Int64(entry.deadline - now) * Int64(rules.tickMilliseconds)
                let remaining = (milliseconds + 999) / 1_000
                if remaining < entry.ttl {
                    points.append((item.lease, remaining))
                    entry.isBeingCheckpointed = true
                }
                if remaining > interval {
                    let next = now + ticks(interval)
                    entry.checkpointAt = next
                    checkpoints.push(TickHeap.Item(tick: next, lease: item.lease))
                }
            }
            entries[item.lease] = entry
        }
        return points
    }

    private mutating func scheduleCheckpoint(of lease: Lease) {
        guard let interval = rules.checkpointSeconds, var entry = entries[lease.id] else { return }
        let left = lease.remainingTTL > 0 ? lease.remainingTTL : lease.grantedTTL
        guard left > interval else { return }
        let next = now + ticks(interval)
        guard entry.checkpointAt != next else { return }
        entry.checkpointAt = next
        checkpoints.push(TickHeap.Item(tick: next, lease: lease.id))
        entries[lease.id] = entry
    }

    // MARK: Ticks

    /// Ticks after which so many seconds have certainly passed.
    private func ticks(_ seconds: Int64) -> Int {
        let bounded = min(max(seconds, 0), LeaseRules.maximumTTL)
        let length = Int64(rules.tickMilliseconds)
        return Int((bounded * 1_000 + length - 1) / length) + 1
    }

    private var perTick: Int {
        max(1, rules.revokesPerSecond * rules.tickMilliseconds / 1_000)
    }
}
