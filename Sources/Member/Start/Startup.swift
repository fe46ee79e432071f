package import EtcdProto
package import Raft
package import Storage
import SwiftProtobuf

/// The decision how a member begins, and the log that follows from it.
///
///     log there, not empty      go on; what the flags say about the cluster is ignored
///     none, bootstrap           make one with this member's ids, write the bootstrap entries
///     none, join                make one with the ids the cluster gave, leave it empty
///     log there, never begun    a crash cut the first start off: do it again
///
/// "Never begun" is a log without a hard state. No message and no answer leaves a member before
/// its first hard state is durable, so nobody can have relied on anything in such a log.
package enum Startup {
    /// What a member without a log is to do.
    package enum First: Sendable {
        /// Found a cluster together with the others that it names.
        case bootstrap(InitialCluster, member: MemberID)
        /// Become the member that a running cluster has already added.
        case join(ClusterID, member: MemberID)
    }

    /// A log that is open, and what it says.
    package struct OpenLog {
        package let memberID: MemberID
        package let clusterID: ClusterID
        package let wal: WAL
        package let contents: WAL.Contents
        /// The member has never run before.
        package let isFirstStart: Bool
    }

    /// Opens the log in `directory`, or makes it. What is returned is durable.
    ///
    /// - Parameters:
    ///   - first: what to do without a log; nil refuses.
    ///   - applied: the keyspace's consistent index. A keyspace that has applied something without
    ///     a log at hand has lost it.
    package static func openLog(
        on disk: any Disk,
        directory: String,
        first: First?,
        applied: LogIndex,
        segmentSize: Int64 = WAL.defaultSegmentSize
    ) throws(StartError) -> OpenLog {
        guard try exists(on: disk, directory) else {
            guard applied == .zero else {
                throw .logMissing(directory: directory, applied: applied)
            }
            guard let first else { throw .noLog(directory: directory) }
            return try begin(first, on: disk, directory, segmentSize)
        }
        let (wal, contents) = try opened(on: disk, directory, segmentSize)
        let (memberID, clusterID) = try identity(in: contents.metadata, directory)
        if !contents.hasBegun, applied == .zero, let first {
            guard first.ids == (memberID, clusterID) else {
                throw .otherMember(found: memberID, cluster: clusterID)
            }
            return try begin(first, in: wal, on: disk, directory, segmentSize)
        }
        return OpenLog(
            memberID: memberID,
            clusterID: clusterID,
            wal: wal,
            contents: contents,
            isFirstStart: false
        )
    }

    /// Whose log it is that a crash cut off before it began; nil when there is none, or when it has
    /// begun.
    package static func unbegunLog(
        on disk: any Disk,
        directory: String,
        segmentSize: Int64 = WAL.defaultSegmentSize
    ) throws(StartError) -> (member: MemberID, cluster: ClusterID)? {
        guard try exists(on: disk, directory) else { return nil }
        let (wal, contents) = try opened(on: disk, directory, segmentSize)
        wal.close()
        return contents.hasBegun ? nil : try identity(in: contents.metadata, directory)
    }

    private static func begin(
        _ first: First,
        on disk: any Disk,
        _ directory: String,
        _ segmentSize: Int64
    ) throws(StartError) -> OpenLog {
        let wal: WAL
        do {
            wal = try WAL.create(
                on: disk,
                directory: directory,
                metadata: metadata(first.ids.0, first.ids.1),
                segmentSize: segmentSize
            )
        } catch {
            throw .log(error)
        }
        return try begin(first, in: wal, on: disk, directory, segmentSize)
    }

    /// Writes what the log begins with and reads it back: what a member starts with is always what
    /// its log holds.
    private static func begin(
        _ first: First,
        in wal: WAL,
        on disk: any Disk,
        _ directory: String,
        _ segmentSize: Int64
    ) throws(StartError) -> OpenLog {
        if case .bootstrap(let cluster, _) = first {
            do throws(WALError) {
                try wal.append(cluster.bootstrapEntries, hardState: cluster.bootstrapState)
                try wal.sync()
            } catch {
                throw .log(error)
            }
        }
        wal.close()
        let (wal, contents) = try opened(on: disk, directory, segmentSize)
        return OpenLog(
            memberID: first.ids.0,
            clusterID: first.ids.1,
            wal: wal,
            contents: contents,
            isFirstStart: true
        )
    }

    private static func exists(
        on disk: any Disk,
        _ directory: String
    ) throws(StartError) -> Bool {
        do {
            return try WAL.exists(on: disk, directory: directory)
        } catch {
            throw .disk(error)
        }
    }

    private static func opened(
        on disk: any Disk,
        _ directory: String,
        _ segmentSize: Int64
    ) throws(StartError) -> (WAL, WAL.Contents) {
        do {
            return try WAL.open(on: disk, directory: directory, segmentSize: segmentSize)
        } catch {
            throw .log(error)
        }
    }
}

// The metadata record: `etcdserverpb.Metadata`, both fields always written.
extension Startup {
    /// The bytes that name a log's owner.
    package static func metadata(_ member: MemberID, _ cluster: ClusterID) -> [UInt8] {
        var metadata = ServerV2Metadata()
        metadata.nodeID = member.rawValue
        metadata.clusterID = cluster.rawValue
        do {
            return try metadata.serializedBytes()
        } catch {
            fatalError("two numbers cannot be encoded: \(error)")
        }
    }

    /// Whose log it is.
    package static func identity(
        in metadata: [UInt8],
        _ directory: String
    ) throws(StartError) -> (MemberID, ClusterID) {
        guard let metadata = try? ServerV2Metadata(serializedBytes: metadata),
            metadata.nodeID != 0, metadata.clusterID != 0
        else { throw .badMetadata(directory: directory) }
        return (MemberID(rawValue: metadata.nodeID), ClusterID(rawValue: metadata.clusterID))
    }
}

extension WAL.Contents {
    /// The member has promised something.
    fileprivate var hasBegun: Bool { hardState != HardState() || marker != .zero }
}

extension Startup.First {
    var ids: (MemberID, ClusterID) {
        switch self {
        case .bootstrap(let cluster, let member): (member, cluster.clusterID)
        case .join(let cluster, let member): (member, cluster)
        }
    }
}
