/// One change of one key, as watchers are told of it.
package struct WatchEvent: Hashable, Sendable {
    package let revision: Revision
    package let isDeletion: Bool
    /// The bytes of an `mvccpb.KeyValue`: the record itself; of a deletion, its key and revision.
    package let keyValue: [UInt8]
    /// The same of the version before, if the watcher wants it, there was one, and it is not
    /// compacted.
    package private(set) var previous: [UInt8]?

    /// - Parameter record: A row of the `key` bucket; a tombstone's holds only the key.
    init(_ row: RecordKey, record: [UInt8]) {
        revision = row.revision
        isDeletion = row.isTombstone
        guard row.isTombstone else {
            keyValue = record
            return
        }
        var bytes = record
        bytes.appendField(3, row.revision.main)
        keyValue = bytes
    }

    /// With what the key was before the event's transaction.
    func withPrevious(in keyspace: Keyspace) -> WatchEvent {
        let before = revision.main - 1
        guard before >= keyspace.compactRevision, let record = Record(keyValue),
            isDeletion || record.createRevision != record.modRevision,
            let version = keyspace.index.revision(of: record.key.span, at: before)
        else { return self }
        var event = self
        event.previous = keyspace.record(version).bytes
        return event
    }

    /// About the bytes that it takes on the wire.
    var size: Int { keyValue.count + (previous?.count ?? 0) + 12 }
}

/// Events of whole revisions in their order, shared by all watchers that are given just these.
package struct WatchEvents: Sendable {
    package let list: [WatchEvent]
    /// Tells them from all others of the same hub, so that what is made of them can be shared too.
    package let number: UInt64
    let size: Int

    init(_ list: [WatchEvent], number: UInt64) {
        self.list = list
        self.number = number
        size = list.reduce(0) { $0 + $1.size }
    }
}
