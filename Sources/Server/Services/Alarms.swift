import EtcdProto

/// The words for alarms.
enum Alarms {
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
