import Keyspace

/// What is known of defragmenting the backend: who asked for it, and what has to wait for its end.
struct Defragmentation {
    typealias Reply = (Result<Void, EtcdError>) -> Void

    /// The first one's is under way; each has one of his own, as each asked at another time.
    var callers: [Reply] = []
    /// Nothing may be committed between the copy and its adoption.
    var isCopying = false
    /// The one batch that the member gave for commit meanwhile.
    private(set) var heldBatch: WriteBatch?

    /// Whether a batch has to wait; then it is kept here.
    mutating func holds(_ batch: WriteBatch) -> Bool {
        guard isCopying else { return false }
        heldBatch = batch
        return true
    }

    mutating func takeHeldBatch() -> WriteBatch? {
        defer { heldBatch = nil }
        return heldBatch
    }
}
