/// How an edit of a field reaches a cluster that runs.
package enum Convergence: String, CaseIterable, Hashable, Sendable {
    /// The operator goes by it from its next pass on, and no process is touched for it.
    case live
    /// Members join or leave, one at a time.
    case scaling
    /// Members are restarted with it, one at a time, the leader last. One that does not come up
    /// with it goes back to what it had, and the roll-out halts.
    case rolling
    /// Members are replaced, one at a time: another joins with it, and then one of the old leaves.
    case surge
    /// It tells one cluster from another.
    case identity

    /// What an edit does, as the end of a sentence.
    package var summary: String {
        switch self {
        case .live: "is followed at once, and no member is touched for it"
        case .scaling: "lets members join or leave, one at a time"
        case .rolling:
            "restarts the members with it, one at a time and the leader last; where one does not "
                + "come up it goes back to what it had, and the roll-out halts. A cluster of one "
                + "or two members gets another for each instead"
        case .surge:
            "replaces the members, one at a time: another joins with it, and then one of the old "
                + "leaves"
        case .identity: "declares another cluster, and this one is not declared any more"
        }
    }
}

extension Convergence {
    /// It is part of how members are launched.
    package var isOfLaunch: Bool {
        switch self {
        case .rolling, .surge: true
        case .live, .scaling, .identity: false
        }
    }
}

extension Schema {
    /// How an edit of this field reaches a cluster that runs; nil where there is no such field.
    package func convergence(of path: FieldPath) -> Convergence? {
        Schema.convergences[path.description]
    }

    /// The one table of it, which whoever plans, explains or documents reads. A test holds it
    /// against the fields.
    package static let convergences: [String: Convergence] = [
        "metadata.name": .identity,
        "metadata.namespace": .identity,
        "metadata.labels": .live,
        "metadata.annotations": .live,
        "spec.replicas": .scaling,
        "spec.engine.type": .surge,
        "spec.engine.embedded.compatibility": .rolling,
        "spec.engine.etcd.binary": .rolling,
        "spec.storage.quota": .rolling,
        "spec.settings.heartbeatInterval": .rolling,
        "spec.settings.electionTimeout": .rolling,
        "spec.settings.snapshotCount": .rolling,
        "spec.settings.maxRequestBytes": .rolling,
        "spec.settings.autoCompaction.mode": .rolling,
        "spec.settings.autoCompaction.retention": .rolling,
        "spec.settings.autoCompaction.revisions": .rolling,
        "spec.settings.extraArgs": .rolling,
        "spec.network.address": .surge,
        "spec.network.basePort": .surge,
        "spec.healing.unhealthyAfter": .live,
        "spec.healing.replaceAfter": .live,
        "spec.healing.learnerTimeout": .live,
        "spec.healing.quorumLoss.policy": .live,
        "spec.healing.quorumLoss.after": .live,
        "spec.maintenance.defragment.schedule": .live,
        "spec.maintenance.defragment.freeSpaceAbove": .live,
        "spec.maintenance.defragment.ratioAbove": .live,
        "spec.maintenance.hashCheck": .live,
        "spec.paused": .live,
        "spec.deletionPolicy": .live,
    ]
}
