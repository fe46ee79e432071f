/// Where a keyspace is durable: ordered byte maps, one per bucket, changed by atomic batches.
///
/// `commit` is called on the backend thread, everything else by the owner of the keyspace; the
/// two may run at the same time. Reads see the state at the last `renewReader`, so that what a
/// commit changes appears only when the owner is ready for it.
package protocol Backend: AnyObject, Sendable {
    /// Applies the whole batch in one transaction, durable when it returns; nothing on an error.
    func commit(_ batch: WriteBatch) throws(BackendError)

    /// The value of a key.
    func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]?

    /// Walks the rows from `from` on in key order until `body` returns false. The body must not
    /// call the backend.
    func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError)

    /// A view of everything committed so far, whatever is committed later. It holds on to the
    /// space of what is deleted meanwhile, and costs nothing else; it outlives the backend.
    func openView() throws(BackendError) -> any BackendView

    /// Lets reads see everything committed so far.
    func renewReader() throws(BackendError)

    /// The first half of giving unused space back: writes what is live into a new file beside the
    /// old one, durably. Called on the backend thread; nothing may be committed until the copy is
    /// adopted. After an error everything is as before.
    func writeCompactCopy() throws(BackendError)

    /// The second half: puts the copy in the place of the file, and reads from it, as of the last
    /// commit. Views that are open stay with the old file. After an error the backend is of no
    /// more use; the next start finds the old file or the new one, which hold the same.
    func adoptCompactCopy() throws(BackendError)

    /// Bytes of the files.
    var sizeOnDisk: Int64 { get }
    /// Bytes of them that hold live data, as of the last commit.
    var sizeInUse: Int64 { get }

    /// Frees everything; later calls throw. Repeating it is harmless.
    func close()
}

/// What a backend held at one of its commits. Any one thread at a time uses it, beside the owner of
/// the keyspace and the backend thread.
package protocol BackendView: AnyObject, Sendable {
    /// Walks the rows from `from` on in key order until `body` returns false.
    func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError)

    /// Lets go of it, as its last reference does; later scans throw. Repeating it is harmless.
    func close()
}
