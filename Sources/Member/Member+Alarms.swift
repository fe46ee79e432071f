package import EtcdProto
import Keyspace
import Logging

/// Alarms that a member raises by itself.
extension Member {
    /// Raises an alarm through the log: of this or another member, or with id 0 of nobody in
    /// particular. The reply comes when it is raised here, or when that could not be found out.
    package func raise(
        _ alarm: AlarmType,
        of id: MemberID,
        _ reply: @escaping (_ isRaised: Bool) -> Void = { _ in }
    ) {
        var request = InternalRaftRequest()
        request.alarm.action = .activate
        request.alarm.memberID = id.rawValue
        request.alarm.alarm = alarm
        propose(request) { [weak self] result in
            guard case .failure(let error) = result else { return reply(true) }
            self?.logger.warning(
                "an alarm could not be raised",
                metadata: ["alarm": "\(alarm)", "of": "\(id)", "why": "\(error)"]
            )
            reply(false)
        }
    }

    /// Bytes of the backend's files once everything applied is in them: until a commit they grow
    /// only by what free pages cannot take.
    var spaceTaken: Int64 {
        max(backend.sizeOnDisk, backend.sizeInUse + Int64(keyspace.pendingBytes))
    }

    /// A write was applied here beyond the quota, or refused as too large for what is left: every
    /// member looks at its own size, leader or not, and says so of itself. While the alarm of any
    /// member is raised the cluster takes no writes, and one more would change nothing.
    func raiseSpaceAlarm(
        ifDueAfter result: Result<ApplyResponse, EtcdError>,
        _ reply: @escaping () -> Void
    ) {
        guard case .failure(.noSpace) = result, !keyspace.isRaised(.nospace) else { return reply() }
        raiseSpaceAlarm(reply)
    }

    /// Raises this member's alarm, unless it is raised or on its way, and then replies.
    func raiseSpaceAlarm(_ reply: @escaping () -> Void) {
        let isRaised = keyspace.alarms.contains { alarm in
            alarm.alarm == .nospace && alarm.memberID == configuration.memberID.rawValue
        }
        if isRaised { return reply() }
        spaceAlarmWaiters.append(reply)
        guard spaceAlarmWaiters.count == 1 else { return }
        raise(.nospace, of: configuration.memberID) { [weak self] isRaised in
            guard let self else { return }
            if isRaised {
                logger.warning(
                    "the backend has no room left within its quota; an alarm is raised",
                    metadata: [
                        "bytes": "\(spaceTaken)", "quota": "\(quota.limitBytes ?? 0)",
                    ]
                )
            }
            let waiters = spaceAlarmWaiters
            spaceAlarmWaiters = []
            for reply in waiters { reply() }
        }
    }
}
