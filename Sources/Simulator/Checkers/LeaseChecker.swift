import EtcdProto
import Keyspace
import Raft

/// Leases end neither early nor never, whole, and alike everywhere.
///
/// What a lease is and what goes with it is found out from the committed log alone. The bounds of
/// time are the world's true time. A promise of so many seconds, given to a request that was sent
/// at some time, is kept until that many seconds of the world's fastest clock after it: whoever
/// leads counts by a clock of its own. (Nobody counts from before the request; who leads anew gives
/// the whole time again, or what a checkpoint left, which the fastest clock may have measured.)
struct LeaseChecker {
    static let earlyName = "leases never end early"
    static let lateName = "leases do not live for ever"
    static let wholeName = "leases end whole"
    static let equalName = "equal leases"
    static let foundName = "leases are found while they live"
    static let replacedName = "a replaced leader does not go on renewing"

    /// Who served a request about a lease, and as whom.
    struct Server: Hashable {
        let machine: Int
        let term: Term
    }

    /// A lease that was granted to its client or renewed, for so many seconds.
    private struct Promise {
        let sent: Int
        let ttl: Int64
        /// Of a renewal: who gave it, and when.
        var renewal: (by: Server, at: Int)?
    }

    private struct End {
        /// Nil: a client asked for it.
        let by: Server?
        /// When the leader decided.
        let decided: Int
        /// When that leader had come to decide about leases.
        let promoted: Int
        /// When it was first carried out anywhere.
        let applied: Int
    }

    private struct Known {
        let ttl: Int64
        let granted: Int
        var promises: [Promise] = []
        var end: End?
    }

    private var leases: [Int64: Known] = [:]
    /// The numbers of those that live, in order.
    private(set) var living: [Int64] = []
    /// Which lease a key goes with.
    private var attached: [[UInt8]: Int64] = [:]
    /// By index: what all leases and their keys were.
    private var digests: [UInt64] = [0]
    private var promotions: [(server: Server, at: Int)] = []
    /// By index: who first had the entry of which term in its log, and when. Several were there if
    /// the first ones were not committed.
    private var appended: [[(server: Server, at: Int)]] = [[]]
    /// Of the last committed entry.
    private var committedTerm = Term.zero
    /// Renewals given by a leader that had been replaced without knowing it.
    private(set) var staleRenewals = 0

    // MARK: The log

    /// A machine puts entries into its log. The first that has one is the leader of its term.
    mutating func appended(_ entries: [Entry], on machine: Int, at time: Int) {
        for entry in entries {
            let index = Int(entry.index.rawValue)
            while appended.count <= index { appended.append([]) }
            if appended[index].contains(where: { $0.server.term == entry.term }) { continue }
            appended[index].append((Server(machine: machine, term: entry.term), time))
        }
    }

    /// A leader has applied the first entry of its term.
    mutating func promoted(_ server: Server, at time: Int) {
        if !promotions.contains(where: { $0.server == server }) {
            promotions.append((server, time))
        }
    }

    /// An entry has been seen to be committed. `isClients`: a client asked for it.
    mutating func note(
        _ entry: Entry,
        _ step: Chronicle.Step?,
        isClients: Bool,
        at time: Int,
        fastestClock: Int
    ) -> Violation? {
        committedTerm = max(committedTerm, entry.term)
        var violation: Violation?
        if let step {
            violation = note(step, entry, isClients, time, fastestClock)
            for change in step.outcome.changes { attach(change) }
        }
        let isChanged =
            step.map {
                !$0.outcome.changes.isEmpty || $0.request.hasLeaseGrant || $0.request.hasLeaseRevoke
            } ?? false
        let last = digests[digests.count - 1]
        digests.append(isChanged ? digest : last)
        return violation
    }

    private mutating func note(
        _ step: Chronicle.Step,
        _ entry: Entry,
        _ isClients: Bool,
        _ time: Int,
        _ fastestClock: Int
    ) -> Violation? {
        if step.request.hasLeaseGrant {
            let id = step.request.leaseGrant.id
            guard case .leaseGrant(let response)? = step.outcome.response else {
                return living.contains(id) ? nil : Violation(Self.wholeName, "\(id) is not granted")
            }
            if living.contains(id) { return Violation(Self.wholeName, "\(id) is granted twice") }
            leases[id] = Known(ttl: response.ttl, granted: time)
            living.insert(id, at: living.firstIndex { $0 > id } ?? living.count)
        }
        if step.request.hasPut, step.request.put.lease != 0 {
            let isLiving = living.contains(step.request.put.lease)
            guard isLiving == (step.outcome.error == nil) else {
                return Violation(Self.wholeName, "a put of lease \(step.request.put.lease)")
            }
        }
        if step.request.hasLeaseRevoke {
            return end(step, entry, isClients, time, fastestClock)
        }
        return nil
    }

    /// A lease ends, with all its keys in one revision.
    private mutating func end(
        _ step: Chronicle.Step,
        _ entry: Entry,
        _ isClients: Bool,
        _ time: Int,
        _ fastestClock: Int
    ) -> Violation? {
        let id = step.request.leaseRevoke.id
        let isLiving = living.contains(id)
        guard isLiving == (step.outcome.error == nil) else {
            return Violation(Self.wholeName, "\(id) ends otherwise than it lives")
        }
        guard isLiving else { return nil }
        living.removeAll { $0 == id }
        let gone = step.outcome.changes.filter(\.isTombstone).compactMap { change in
            Record(change.record).map { Array($0.key) }
        }
        let revisions = step.outcome.changes.map(\.revision.main)
        guard gone == keys(of: id), gone.count == step.outcome.changes.count,
            revisions.allSatisfy({ $0 == revisions[0] })
        else { return Violation(Self.wholeName, "\(id) ends with \(gone.count) of its keys") }
        let index = Int(entry.index.rawValue)
        let origins = index < appended.count ? appended[index] : []
        let origin = origins.first { $0.server.term == entry.term }
        let promotion = origin.flatMap { origin in
            promotions.first { $0.server == origin.server }
        }
        guard isClients || promotion != nil else {
            return Violation(Self.earlyName, "\(id) was ended by nobody who decides about leases")
        }
        leases[id]?.end = End(
            by: isClients ? nil : origin?.server,
            decided: origin?.at ?? time,
            promoted: promotion?.at ?? 0,
            applied: time
        )
        for promise in leases[id]?.promises ?? [] {
            if let found = check(promise, of: id, fastestClock) { return found }
        }
        return nil
    }

    private func keys(of id: Int64) -> [[UInt8]] {
        attached.filter { $0.value == id }.map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
    }

    private mutating func attach(_ change: Change) {
        guard let record = Record(change.record) else { return }
        let lease = change.isTombstone ? 0 : record.lease
        attached[Array(record.key)] = lease == 0 ? nil : lease
    }

    // MARK: What clients are told

    /// A client was told that its grant is made, which it had sent at this time.
    mutating func granted(
        _ id: Int64,
        ttl: Int64,
        sent: Int,
        fastestClock: Int
    ) -> Violation? {
        guard let known = leases[id], known.ttl == ttl else {
            return Violation(Self.foundName, "\(id) is said to be granted for \(ttl) s")
        }
        return add(Promise(sent: sent, ttl: ttl), to: id, fastestClock)
    }

    /// A member has renewed a lease for a request that was sent at this time. `ignorance`: how long
    /// a leader may not know that it was replaced, in microseconds.
    mutating func renewed(
        _ id: Int64,
        ttl: Int64,
        sent: Int,
        by server: Server,
        at time: Int,
        fastestClock: Int,
        ignorance: Int
    ) -> Violation? {
        guard let known = leases[id], known.ttl == ttl else {
            return Violation(Self.foundName, "\(id) is said to be renewed for \(ttl) s")
        }
        if isReplaced(server) {
            staleRenewals += 1
            let successor = promotions.first { $0.server.term > server.term }
            if let successor, time > successor.at + ignorance {
                return Violation(
                    Self.replacedName,
                    "\(id) is renewed at \(time) µs by machine n\(server.machine + 1) of term"
                        + " \(server.term), which was replaced at \(successor.at)"
                )
            }
        } else if let end = known.end, end.applied < sent {
            return Violation(Self.foundName, "\(id) is renewed after its end")
        }
        return add(Promise(sent: sent, ttl: ttl, renewal: (server, time)), to: id, fastestClock)
    }

    /// A member has said that there is no such lease, to a request that was sent at this time.
    func notFound(_ id: Int64, sent: Int, by server: Server) -> Violation? {
        guard let known = leases[id], known.granted < sent, known.end == nil, !isReplaced(server)
        else { return nil }
        return Violation(Self.foundName, "\(id) is not found and lives")
    }

    /// A member has said how many seconds a lease has left, of how many.
    func told(
        _ id: Int64,
        left: Int64,
        of ttl: Int64,
        sent: Int,
        by server: Server
    ) -> Violation? {
        guard let known = leases[id], known.ttl == ttl, left >= 0 else {
            return Violation(Self.foundName, "\(id) is said to have \(left) s of \(ttl)")
        }
        if !isReplaced(server), let end = known.end, end.applied < sent {
            return Violation(Self.foundName, "\(id) is said to have \(left) s left after its end")
        }
        return nil
    }

    /// Whether others have gone on without this leader, as far as the world can see. What it says
    /// then is as old as it is, in etcd too.
    private func isReplaced(_ server: Server) -> Bool {
        committedTerm > server.term || promotions.contains { $0.server.term > server.term }
    }

    private mutating func add(
        _ promise: Promise,
        to id: Int64,
        _ fastestClock: Int
    ) -> Violation? {
        leases[id]?.promises.append(promise)
        return check(promise, of: id, fastestClock)
    }

    private func check(_ promise: Promise, of id: Int64, _ fastestClock: Int) -> Violation? {
        guard let end = leases[id]?.end, let leader = end.by else { return nil }
        var start = promise.sent
        if let renewal = promise.renewal, renewal.by.term < leader.term,
            renewal.at > end.promoted
        {
            // Given by a leader that had been replaced: its successor knows nothing of it.
            start = min(start, end.promoted)
        }
        // Seconds, each of so many thousandths of a true one, in microseconds.
        let kept = start + Int(promise.ttl) * 1_000 * fastestClock
        if end.decided >= kept { return nil }
        return Violation(
            Self.earlyName,
            "\(id) was promised \(promise.ttl) s at \(promise.sent) µs, and machine"
                + " n\(leader.machine + 1) of term \(leader.term), promoted at \(end.promoted),"
                + " ended it at \(end.decided), \(kept - end.decided) µs early"
        )
    }

    // MARK: Members

    /// Compares what a member knows with what all know at its index.
    func check(_ keyspace: Keyspace, of name: String) -> Violation? {
        let index = Int(keyspace.consistentIndex)
        guard index < digests.count else { return nil }
        var digest = Digest()
        for lease in keyspace.allLeases {
            digest.add(lease.id.rawValue, lease.grantedTTL, lease.sortedKeys)
        }
        if digest.value == digests[index] { return nil }
        return Violation(Self.equalName, "\(name) has others at index \(index)")
    }

    private var digest: UInt64 {
        var digest = Digest()
        for id in living { digest.add(id, leases[id]?.ttl ?? 0, keys(of: id)) }
        return digest.value
    }

    /// FNV-1a; 0 of no leases.
    private struct Digest {
        private(set) var value: UInt64 = 0

        mutating func add(_ id: Int64, _ ttl: Int64, _ keys: [[UInt8]]) {
            mix(UInt64(bitPattern: id))
            mix(UInt64(bitPattern: ttl))
            for key in keys {
                mix(UInt64(key.count))
                for byte in key { mix(UInt64(byte)) }
            }
        }

        private mutating func mix(_ number: UInt64) {
            value = ((value ^ number) &+ 0x9E37_79B9) &* 0x0000_0100_0000_01B3
        }
    }
}
