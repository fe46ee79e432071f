package import EtcdProto
internal import SwiftProtobuf

/// Alarms: raised and lowered through the log, so that all members refuse the same entries.
///
/// A row of the bucket is an alarm; its key is the message `AlarmMember`, its value is empty.
extension Keyspace {
    /// The alarms that are raised, those of one kind together and in order of members.
    package var alarms: [AlarmMember] {
        guard !buckets.isEmpty(.alarm) else { return [] }
        return buckets.entries(.alarm)
            // A row that is no alarm was not written by any member; it raises nothing.
            .compactMap { try? AlarmMember(serializedBytes: $0.key) }
            .sorted { ($0.alarm.rawValue, $0.memberID) < ($1.alarm.rawValue, $1.memberID) }
    }

    /// Whether an alarm of this kind is raised, by whichever member.
    package func isRaised(_ alarm: AlarmType) -> Bool {
        alarms.contains { $0.alarm == alarm }
    }

    func perform(_ request: AlarmRequest) -> AlarmResponse {
        var response = AlarmResponse()
        var alarm = AlarmMember()
        alarm.memberID = request.memberID
        alarm.alarm = request.alarm
        let isRaised = alarms.contains(alarm)
        switch request.action {
        case .get:
            response.alarms = alarms.filter { request.alarm == .none || $0.alarm == request.alarm }
        case .activate where request.alarm != .none:
            if !isRaised { write(.alarm, Keyspace.row(of: alarm), []) }
            response.alarms = [alarm]
        case .deactivate where isRaised:
            write(.alarm, Keyspace.row(of: alarm), nil)
            response.alarms = [alarm]
        case .activate, .deactivate, .UNRECOGNIZED: break
        }
        return response
    }

    /// Why the alarms that are raised forbid a command; nil when they do not.
    func refusal(of request: InternalRaftRequest) -> EtcdError? {
        guard !buckets.isEmpty(.alarm) else { return nil }
        if request.usesKeys, isRaised(.corrupt) { return .corrupt }
        if request.takesSpace, isRaised(.nospace) { return .noSpace }
        return nil
    }

    private static func row(of alarm: AlarmMember) -> [UInt8] {
        do {
            return try alarm.serializedBytes()
        } catch {
            fatalError("two numbers cannot be encoded: \(error)")
        }
    }
}

extension InternalRaftRequest {
    /// Whether a member whose store is full has no room for it.
    fileprivate var takesSpace: Bool {
        hasPut || hasLeaseGrant || hasTxn && txn.takesSpace
    }

    /// What a cluster whose members differ does not carry out any more.
    fileprivate var usesKeys: Bool {
        hasPut || hasRange || hasDeleteRange || hasTxn || hasCompaction || hasLeaseGrant
            || hasLeaseRevoke
    }
}

extension TxnRequest {
    /// Real etcd does not look into nested transactions, and what one member carries out all must.
    fileprivate var takesSpace: Bool {
        (success + failure).contains { operation in
            if case .requestPut = operation.request { return true }
            return false
        }
    }
}
