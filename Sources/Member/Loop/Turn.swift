package import Keyspace
package import Raft
package import Storage

/// What one turn of the member leaves for the shell to do. Nothing in it waits for anything else in
/// it: what had to wait for a disk is in a later turn.
package struct Turn {
    /// To be sent to peers now, in this order. Losing one is allowed.
    package var messages: [Message] = []
    /// Each asks for a snapshot to be sent: with the backend's rows, and the index, term and group
    /// that belong to these, instead of the ones it has. `Member.snapshotSent` is told the outcome.
    package var snapshots: [Message] = []
    /// To be handed to the log's thread; its number comes back through `Member.logged`. Batches
    /// must become durable in the order of their numbers.
    package var log: (number: UInt64, batch: LogBatch)?
    /// To be handed to the backend's thread; `batch.number` comes back through `Member.committed`.
    package var backend: WriteBatch?
    /// Segments whose entries all lie before this index are of no use any more: the shell lets the
    /// log release them once every log batch handed over before is durable.
    package var releaseLogBefore: LogIndex?
    /// What the entries applied in this turn did to keys, one transaction after the other: for
    /// those who watch.
    package var changes: [[Change]] = []
    /// Members, their URLs or the removed ids changed: the transport compares `membership` with the
    /// peers that it has.
    package var membershipChanged = false
    /// The leader known here changed (also to or from none).
    package var leaderChanged = false
    /// This member's attributes are in the log for the first time since it started: it serves.
    package var becameReady = false
    /// The cluster has removed this member: it goes on for about a second, then the process ends.
    package var removedSelf = false
    /// The log begins with a snapshot whose rows are prepared: once all that this turn asks for is
    /// done, the member is of no more use and is to be opened anew from its disks.
    package var mustReopen = false
    /// The member stopped for the sake of its work's bound: take another turn soon, after a look at
    /// the sockets and the clock.
    package var hasMore = false

    package init() {}

    /// There is nothing to be done.
    package var isEmpty: Bool {
        messages.isEmpty && log == nil && backend == nil && releaseLogBefore == nil
            && !membershipChanged && !leaderChanged && !becameReady && !removedSelf && !hasMore
            && snapshots.isEmpty && !mustReopen && changes.isEmpty
    }
}
