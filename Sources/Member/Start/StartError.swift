package import EtcdProto
package import Keyspace
package import Raft
package import Storage

/// Why a member does not start. Nothing has been changed on disk when it is thrown, but that a log
/// may have been created.
package enum StartError: Error, Hashable, Sendable, CustomStringConvertible {
    case log(WALError)
    case disk(DiskError)
    case backend(BackendError)
    case keyspace(KeyspaceError)
    /// The log's metadata record cannot be read or names no member.
    case badMetadata(directory: String)
    /// There is neither a log nor a word on how to begin one.
    case noLog(directory: String)
    /// The backend has applied entries, but there is no log they could have come from.
    case logMissing(directory: String, applied: LogIndex)
    /// The log belongs to another member or cluster than the one asked for.
    case otherMember(found: MemberID, cluster: ClusterID)
    /// The log ends before what the backend has applied.
    case logTooShort(last: LogIndex, applied: LogIndex)
    /// The log begins after what the backend has applied.
    case logTooNew(marker: LogIndex, applied: LogIndex)
    /// A record of the backend that cannot be read.
    case badRecord(bucket: String, key: String, reason: String)
    /// The cluster has agreed on a version that is above this member's.
    case versionTooLow(own: ServerVersion, cluster: ServerVersion)
    /// Raft refuses its configuration.
    case raft(String)
    /// A cluster is to be forced out of a log in which nothing is.
    case nothingToForce(directory: String)
    /// The cluster has removed the member that is to be all of it.
    case removed(MemberID)
    /// The member that is to be all of the cluster is not in it, and another has its peer URLs.
    case addressTaken(MemberID, peerURLs: [String])

    package var description: String {
        switch self {
        case .log(let error): error.description
        case .disk(let error): error.description
        case .backend(let error): error.description
        case .keyspace(let error): "\(error)"
        case .badMetadata(let directory):
            "the write-ahead log in \(directory) does not say to which member it belongs"
        case .noLog(let directory):
            "there is no write-ahead log in \(directory) and no initial cluster to begin one for"
        case .logMissing(let directory, let applied):
            """
            the keyspace holds the log's effects up to index \(applied), but there is no \
            write-ahead log in \(directory); starting without it could lose acknowledged writes. \
            Bring the log back or replace this member
            """
        case .otherMember(let found, let cluster):
            "the data directory belongs to member \(found) of cluster \(cluster)"
        case .logTooShort(let last, let applied):
            """
            the write-ahead log ends at index \(last), but the keyspace holds the log's effects \
            up to index \(applied); the log has lost entries. Replace this member
            """
        case .logTooNew(let marker, let applied):
            """
            the write-ahead log begins after index \(marker), but the keyspace holds the log's \
            effects only up to index \(applied); entries between them are missing. Replace this \
            member
            """
        case .badRecord(let bucket, let key, let reason):
            "the record \(key) in bucket \(bucket) cannot be read: \(reason)"
        case .versionTooLow(let own, let cluster):
            """
            invalid downgrade; server version is lower than determined cluster version: \
            \(own), \(cluster)
            """
        case .raft(let reason):
            "consensus cannot start: \(reason)"
        case .nothingToForce(let directory):
            "the write-ahead log in \(directory) is empty: there is no cluster to be forced"
        case .removed(let id):
            "member \(id) was removed from the cluster, which cannot be forced to be this member"
        case .addressTaken(let id, let peerURLs):
            """
            member \(id) is not in the cluster, as far as its log goes, and another one has its \
            peer URLs \(peerURLs.joined(separator: ","))
            """
        }
    }
}
