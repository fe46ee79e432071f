/// What the operator last saw and intends, for people and scripts.
///
/// Nothing is decided from it: a status may be lost or out of date without any harm.
package struct ClusterStatus: Hashable, Sendable, Codable {
    /// One word for people (`Running`, `Bootstrapping`, ...); programs read the conditions.
    package var phase: String
    /// The generation of the spec that this status speaks of.
    package var observedGeneration: Int64
    package var updated: Timestamp
    package var conditions: [Condition]
    /// etcd's cluster id as lower-case hexadecimal, nil before bootstrap.
    package var clusterID: String?
    /// Counts the times this cluster was built anew from a backup or survivor; starts with 1.
    package var incarnation: Int
    /// The name of the leading member.
    package var leader: String?
    package var revision: Int64?
    /// Bytes of the largest member's database.
    package var dbSize: Int64?
    /// The etcd version the cluster agreed on.
    package var version: String?
    package var replicas: Int
    package var readyReplicas: Int
    /// Client URLs, in the order of the members.
    package var endpoints: [String]
    /// In the order of their ordinals.
    package var members: [MemberStatus]
    package var plan: PlanStatus?

    package init(
        phase: String = "Pending",
        observedGeneration: Int64 = 0,
        updated: Timestamp = Timestamp(seconds: 0),
        conditions: [Condition] = [],
        clusterID: String? = nil,
        incarnation: Int = 1,
        leader: String? = nil,
        revision: Int64? = nil,
        dbSize: Int64? = nil,
        version: String? = nil,
        replicas: Int = 0,
        readyReplicas: Int = 0,
        endpoints: [String] = [],
        members: [MemberStatus] = [],
        plan: PlanStatus? = nil
    ) {
        self.phase = phase
        self.observedGeneration = observedGeneration
        self.updated = updated
        self.conditions = conditions
        self.clusterID = clusterID
        self.incarnation = incarnation
        self.leader = leader
        self.revision = revision
        self.dbSize = dbSize
        self.version = version
        self.replicas = replicas
        self.readyReplicas = readyReplicas
        self.endpoints = endpoints
        self.members = members
        self.plan = plan
    }

    /// The condition of a type, nil when the operator has not judged it yet.
    package func condition(_ type: Condition.Kind) -> Condition? {
        conditions.first { $0.type == type }
    }

    /// Records a judgement. The transition time moves only when the verdict changes, so that it
    /// says since when the condition holds, not when it was last looked at.
    package mutating func set(
        _ type: Condition.Kind,
        _ status: Condition.Status,
        reason: String,
        message: String,
        at now: Timestamp
    ) {
        let old = condition(type)
        let new = Condition(
            type: type,
            status: status,
            reason: reason,
            message: message,
            lastTransitionTime: old?.status == status ? old?.lastTransitionTime ?? now : now,
            observedGeneration: observedGeneration
        )
        if let index = conditions.firstIndex(where: { $0.type == type }) {
            conditions[index] = new
        } else {
            conditions.append(new)
        }
    }
}

/// What the operator will do next and why not sooner.
package struct PlanStatus: Hashable, Sendable, Codable {
    /// The next step, nil when there is nothing to do.
    package var next: String?
    package var reason: String
    package var waitingFor: String?
    package var blockedBy: String?

    package init(
        next: String? = nil,
        reason: String,
        waitingFor: String? = nil,
        blockedBy: String? = nil
    ) {
        self.next = next
        self.reason = reason
        self.waitingFor = waitingFor
        self.blockedBy = blockedBy
    }
}
