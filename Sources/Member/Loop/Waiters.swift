import EtcdProto
import Keyspace

/// Those that wait for their proposal to come back as an applied entry.
struct Waiters {
    /// What an applied entry gave.
    enum Applied {
        case response(ApplyResponse)
        case members([MemberInfo])
    }

    struct Waiter {
        /// The proposal's bytes. An entry of the same id with other bytes is somebody else's: a
        /// clock that was set back can repeat ids of an earlier run, which may still be in the log.
        let data: [UInt8]
        /// The proposal before it was encoded, so that it need not be decoded to be applied.
        let request: InternalRaftRequest?
        let since: Tick
        /// It is a decision that only the leader may make.
        var isLeaders = false
        let reply: (Result<Applied, EtcdError>) -> Void
    }

    private var waiters: [UInt64: Waiter] = [:]
    private var deadlines: [Tick: [UInt64]] = [:]

    var count: Int {
        waiters.count
    }

    mutating func add(_ waiter: Waiter, id: UInt64, until deadline: Tick) {
        invariant(waiters[id] == nil, "request id \(id) is in use")
        waiters[id] = waiter
        deadlines[deadline, default: []].append(id)
    }

    /// Who proposed these bytes under this id.
    mutating func take(_ id: UInt64, data: [UInt8]) -> Waiter? {
        guard let waiter = waiters[id], waiter.data == data else { return nil }
        waiters[id] = nil
        return waiter
    }

    mutating func takeAll() -> [Waiter] {
        let all = waiters.keys.sorted().compactMap { waiters[$0] }
        waiters = [:]
        deadlines = [:]
        return all
    }

    /// Those with a decision of the leader: it leads no more.
    mutating func takeLeaders() -> [Waiter] {
        waiters.keys.sorted().filter { waiters[$0]?.isLeaders == true }
            .compactMap { waiters.removeValue(forKey: $0) }
    }

    func contains(_ id: UInt64) -> Bool {
        waiters[id] != nil
    }

    /// Ends the waiting of those whose time is up at this tick; to be asked at every tick.
    mutating func takeExpired(at tick: Tick) -> [Waiter] {
        (deadlines.removeValue(forKey: tick) ?? []).compactMap { waiters.removeValue(forKey: $0) }
    }
}

/// A moment, as the number of ticks since the member started.
typealias Tick = Int
