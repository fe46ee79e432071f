import Keyspace
import Member
import Storage

// What errors of the layers below mean for the process.
extension Fatal {
    static func disk(_ error: DiskError) -> Fatal {
        switch error.kind {
        case .noSpace: Fatal(.noSpace, "\(error)", remedy: "free space and start again")
        case .locked:
            Fatal(
                .locked,
                "\(error)",
                remedy: "stop the other member that uses this data directory"
            )
        case .ioFailure:
            Fatal(.diskFailure, "\(error)", remedy: "look at the disk, then start again")
        case .permissionDenied, .notFound, .alreadyExists, .tooLarge, .other, .crashed:
            Fatal(
                .dataDirectory,
                "\(error)",
                remedy: "make the data directory readable and writable"
            )
        }
    }

    static func log(_ error: WALError) -> Fatal {
        switch error {
        case .disk(let cause):
            switch disk(cause).code {
            case .dataDirectory:
                Fatal(.diskFailure, "\(error)", remedy: "look at the disk, then start again")
            default: disk(cause)
            }
        case .corrupt, .noMarker, .absent:
            Fatal(.corruption, "\(error)", remedy: "replace this member")
        case .exists: Fatal(.foreignData, "\(error)", remedy: "look at the data directory")
        case .poisoned, .stopped:
            Fatal(.diskFailure, "\(error)", remedy: "look at the disk, then start again")
        }
    }

    static func backend(_ error: BackendError) -> Fatal {
        switch error.kind {
        case .noSpace, .mapFull:
            Fatal(.noSpace, "\(error)", remedy: "free space and start again")
        case .corrupted, .badKey: Fatal(.corruption, "\(error)", remedy: "replace this member")
        case .permissionDenied, .notFound:
            Fatal(.dataDirectory, "\(error)", remedy: "make the data directory writable")
        case .ioFailure, .closed, .other:
            Fatal(.diskFailure, "\(error)", remedy: "look at the disk, then start again")
        }
    }

    static func keyspace(_ error: KeyspaceError) -> Fatal {
        switch error {
        case .backend(let cause): backend(cause)
        case .corrupt: Fatal(.corruption, "\(error)", remedy: "replace this member")
        }
    }

    static func start(_ error: StartError) -> Fatal {
        switch error {
        case .log(let cause): log(cause)
        case .disk(let cause): disk(cause)
        case .backend(let cause): backend(cause)
        case .keyspace(let cause): keyspace(cause)
        case .noLog: Fatal(.configuration, "\(error)", remedy: "set --initial-cluster")
        case .otherMember: Fatal(.foreignData, "\(error)", remedy: "look at the data directory")
        case .badMetadata, .logMissing, .logTooShort, .logTooNew, .badRecord:
            Fatal(.corruption, "\(error)", remedy: "replace this member")
        case .versionTooLow:
            Fatal(
                .configuration,
                "\(error)",
                remedy: "raise --compatibility, or let etcdctl downgrade the cluster before"
            )
        case .raft: Fatal(.configuration, "\(error)", remedy: "look at the flags")
        case .nothingToForce:
            Fatal(.configuration, "\(error)", remedy: "start it without --force-new-cluster")
        case .removed:
            Fatal(.removed, "\(error)", remedy: "force the cluster from another member's data")
        case .addressTaken:
            Fatal(
                .configuration,
                "\(error)",
                remedy: "give --initial-advertise-peer-urls that no other member has"
            )
        }
    }
}
