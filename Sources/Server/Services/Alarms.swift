import EtcdProto
import Keyspace
import SwiftProtobuf

/// The alarms that are raised, as the keyspace keeps them: the key of each row is the alarm.
enum Alarms {
    static func active(_ keyspace: Keyspace) -> [AlarmMember] {
        keyspace.bucketEntries(.alarm).compactMap { entry in
            // A row that is no alarm was not written by any member; it raises nothing.
            try? AlarmMember(serializedBytes: entry.key)
        }
    }

    static func name(of alarm: AlarmType) -> String {
        switch alarm {
        case .nospace: "NOSPACE"
        case .corrupt: "CORRUPT"
        case .none: "NONE"
        case .UNRECOGNIZED: "UNKNOWN"
        }
    }

    /// The line of `Status.errors`, in the text form of Go's protobuf.
    static func text(of alarm: AlarmMember) -> String {
        "memberID:\(alarm.memberID) alarm:\(name(of: alarm.alarm)) "
    }
}
