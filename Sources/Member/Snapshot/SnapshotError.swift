package import Keyspace
package import Raft
package import Storage

/// Why a snapshot file cannot be written or loaded.
package enum SnapshotError: Error, Hashable, Sendable, CustomStringConvertible {
    case file(BoltError)
    case backend(BackendError)
    /// A row is not what a keyspace can hold.
    case row(KeyspaceError)
    /// A bucket that every snapshot has.
    case missing(Bucket)
    /// A record of the `meta` bucket is there twice over or not what it should be.
    case badMeta(key: String, reason: String)
    /// Loading is into an empty backend only; there are rows in this bucket.
    case notEmpty(Bucket)
    /// There is no place to load into.
    case store(StartError)
    /// The file is not of the state that the message speaks of.
    case otherIndex(file: LogIndex, message: LogIndex)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .backend(let error): error.description
        case .row(let error): "the snapshot cannot be used: \(error.description)"
        case .missing(let bucket): "the snapshot has no bucket \(bucket.rawValue)"
        case .badMeta(let key, let reason):
            "the snapshot's record \(key) of bucket meta cannot be read: \(reason)"
        case .notEmpty(let bucket):
            "a snapshot is loaded into an empty store only, and \(bucket.rawValue) has rows"
        case .store(let error): error.description
        case .otherIndex(let file, let message):
            "the file holds the state at index \(file), the message speaks of \(message)"
        }
    }
}
