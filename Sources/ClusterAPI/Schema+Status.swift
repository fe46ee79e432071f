extension Schema {
    /// The status of an `EtcdCluster`, group by group.
    static let clusterStatus: [StatusField] =
        overview + conditions + members + [
            StatusField("status.plan", .object, "What the operator does next."),
            StatusField("status.plan.next", .text, "The next step, when there is one."),
            StatusField("status.plan.reason", .text, "Why."),
            StatusField("status.plan.waitingFor", .text, "What has to happen before."),
            StatusField("status.plan.blockedBy", .text, "What forbids it, and what to do."),
        ]

    private static let overview = [
        StatusField("status", .object, "What the operator last saw. Nothing is decided from it."),
        StatusField(
            "status.phase",
            .text,
            "One word for people, such as Running; programs read the conditions."
        ),
        StatusField(
            "status.observedGeneration",
            .integer,
            "The metadata.generation of which the status speaks."
        ),
        StatusField("status.updated", .time, "When the operator last looked."),
        StatusField("status.clusterID", .text, "etcd's cluster id in hexadecimal."),
        StatusField(
            "status.incarnation",
            .integer,
            "Counts how often the cluster was built anew from a backup or a survivor; from 1."
        ),
        StatusField("status.leader", .text, "The name of the leading member."),
        StatusField("status.revision", .integer, "The newest revision of the keys."),
        StatusField("status.dbSize", .integer, "Bytes of the largest member's database."),
        StatusField(
            "status.version",
            .text,
            "The lowest version of etcd that a member announces."
        ),
        StatusField("status.replicas", .integer, "How many members there are."),
        StatusField("status.readyReplicas", .integer, "How many of them serve."),
        StatusField(
            "status.endpoints",
            .texts,
            "Where clients connect, in the order of the members."
        ),
    ]

    private static let conditions = [
        StatusField(
            "status.conditions",
            .list(key: "type"),
            "Judgements: "
                + Condition.Kind.allCases.map(\.rawValue).joined(separator: ", ") + "."
        ),
        StatusField("status.conditions.type", .text, isRequired: true, "What is judged."),
        StatusField(
            "status.conditions.status",
            .choice(Condition.Status.allCases.map(\.rawValue)),
            isRequired: true,
            "Whether it holds."
        ),
        StatusField(
            "status.conditions.reason",
            .text,
            isRequired: true,
            "Why, as one word that programs may compare."
        ),
        StatusField("status.conditions.message", .text, isRequired: true, "Why, for people."),
        StatusField(
            "status.conditions.lastTransitionTime",
            .time,
            isRequired: true,
            "Since when the judgement is this one."
        ),
        StatusField(
            "status.conditions.observedGeneration",
            .integer,
            "The metadata.generation that was judged."
        ),
    ]

    private static let members = [
        StatusField(
            "status.members",
            .list(key: "name"),
            "The members, in the order of their numbers."
        ),
        StatusField(
            "status.members.name",
            .text,
            isRequired: true,
            "<cluster>-<number>; numbers are never used again."
        ),
        StatusField("status.members.id", .text, "etcd's member id in hexadecimal."),
        StatusField(
            "status.members.role",
            .text,
            words(MemberStatus.Role.allCases.map(\.rawValue))
        ),
        StatusField(
            "status.members.health",
            .text,
            words(MemberStatus.Health.allCases.map(\.rawValue))
        ),
        StatusField("status.members.message", .text, "Why the health is what it is."),
        StatusField("status.members.since", .time, "Since when the health is what it is."),
        StatusField("status.members.version", .text, "The version of etcd that it announces."),
        StatusField("status.members.dbSize", .integer, "Bytes of its database."),
        StatusField("status.members.revision", .integer, "The newest revision that it has."),
        StatusField("status.members.slot", .integer, "Which pair of ports it has, from 0."),
        StatusField("status.members.restarts", .integer, "How often it was started again."),
        StatusField("status.members.processID", .integer, "Its process, while it runs."),
        StatusField("status.members.clientURL", .text, "Where it serves clients."),
        StatusField("status.members.peerURL", .text, "Where it talks to other members."),
    ]

    /// The words a text may be. No `enum`: an operator that has learnt a new word must be able to
    /// write it where the definition is still the old one.
    private static func words(_ words: [String]) -> String {
        "One of \(words.joined(separator: ", "))."
    }
}
