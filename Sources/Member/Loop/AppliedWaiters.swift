import Keyspace
import Raft

/// Those that wait until this member has applied what it knew to be committed when they came.
struct AppliedWaiters {
    private struct Waiter {
        let index: LogIndex
        let deadline: Tick
        let reply: (EtcdError?) -> Void
    }

    /// In the order of their indexes: what is committed only grows.
    private var waiters: [Waiter] = []

    mutating func add(
        _ index: LogIndex,
        until deadline: Tick,
        _ reply: @escaping (EtcdError?) -> Void
    ) {
        waiters.append(Waiter(index: index, deadline: deadline, reply: reply))
    }

    mutating func takeReady(applied: LogIndex) -> [(EtcdError?) -> Void] {
        if waiters.isEmpty { return [] }
        let ready = waiters.prefix { $0.index <= applied }
        waiters.removeFirst(ready.count)
        return ready.map(\.reply)
    }

    mutating func takeExpired(at tick: Tick) -> [(EtcdError?) -> Void] {
        if waiters.isEmpty { return [] }
        let expired = waiters.filter { $0.deadline <= tick }
        waiters.removeAll { $0.deadline <= tick }
        return expired.map(\.reply)
    }

    mutating func takeAll() -> [(EtcdError?) -> Void] {
        defer { waiters = [] }
        return waiters.map(\.reply)
    }
}
