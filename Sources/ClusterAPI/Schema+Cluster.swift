extension Schema {
    /// `EtcdCluster`, as far as this version acts on it.
    package static let cluster = Schema(
        kind: EtcdCluster.kind,
        apiVersion: EtcdCluster.apiVersion,
        groups: groups,
        fields: metadataFields + specFields,
        refusals: refusals,
        rules: clusterRules,
        status: clusterStatus
    )

    private static let groups = [
        Group("metadata", "Who the cluster is."),
        Group("spec", "What the cluster should be like. Every field has a default."),
        Group("spec.engine", "What runs as a member."),
        Group(
            "spec.engine.embedded",
            isAlternative: true,
            "For type embedded: the member that comes with the operator."
        ),
        Group("spec.engine.etcd", isAlternative: true, "For type etcd: upstream etcd."),
        Group("spec.storage", "Where and how much a member stores."),
        Group("spec.settings", "How members behave."),
        Group(
            "spec.settings.autoCompaction",
            "When members drop old history without anybody asking for it. Who writes much and "
                + "never compacts fills the quota with history."
        ),
        Group("spec.network", "Where members listen."),
        Group("spec.healing", "When a member counts as failed, and what is done about it."),
        Group(
            "spec.healing.quorumLoss",
            "When the data of a majority of the members is lost for good."
        ),
        Group("spec.maintenance", "What is done now and then, though nothing has failed."),
        Group(
            "spec.maintenance.defragment",
            "When a member's database is written anew to give back free space, one member after "
                + "the other. Both thresholds must be exceeded."
        ),
    ]

    private static let refusals =
        Refusal.later(
            "metadata.finalizers",
            "metadata.ownerReferences",
            "metadata.generateName",
            "spec.engine.etcd.image",
            "spec.engine.etcd.version",
            "spec.storage.size",
            "spec.storage.storageClassName",
            "spec.storage.medium",
            "spec.storage.paths",
            "spec.storage.walPath",
            "spec.tls",
            "spec.auth",
            "spec.healing.dataLoss",
            "spec.backup",
            "spec.restore",
            "spec.maintenance.window",
            "spec.upgrade"
        )
        + Refusal.written(
            "status",
            "metadata.generation",
            "metadata.uid",
            "metadata.resourceVersion",
            "metadata.creationTimestamp",
            "metadata.managedFields"
        )

    /// The longest name for which `<name>-<ordinal>` still is one DNS label.
    private static let maxNameLength = 52

    private static let metadataFields: [SchemaField] = [
        .text(
            "metadata.name",
            \.metadata.name,
            .label(maxLength: maxNameLength),
            isRequired: true,
            "The cluster's name, unique within its namespace; members are called <name>-<number>."
        ),
        .text(
            "metadata.namespace",
            \.metadata.namespace,
            .label(maxLength: 63),
            "Keeps clusters of the same name apart."
        ),
        .texts(
            "metadata.labels",
            \.metadata.labels,
            keys: .qualifiedName,
            values: .labelValue,
            "Names and values of your own, for finding clusters.",
            encode: sorted,
            decode: unsorted
        ),
        .texts(
            "metadata.annotations",
            \.metadata.annotations,
            keys: .qualifiedName,
            values: .any,
            "Names and values of your own, for notes.",
            encode: sorted,
            decode: unsorted
        ),
    ]

    private static let specFields: [SchemaField] = [
        .integer(
            "spec.replicas",
            \.spec.replicas,
            in: 0...9,
            "Voting members wanted. Odd numbers are best: 3 survive the loss of one member, 5 of "
                + "two. 0 stops all members and keeps their data."
        ),
        .choice(
            "spec.engine.type",
            optional: \.spec.engineType,
            ["embedded", "etcd"],
            "embedded: the etcd-compatible member that comes with the operator. etcd: an upstream "
                + "etcd binary."
        ),
        .choice(
            "spec.engine.embedded.compatibility",
            optional: \.spec.embeddedCompatibility,
            ["3.5"],
            "The minor version of etcd that members announce to clients and peers."
        ),
        .text(
            "spec.engine.etcd.binary",
            optional: \.spec.etcdBinary,
            .path,
            "The etcd program, such as /usr/bin/etcd. A relative path starts at the file's folder."
        ),
        .quantity(
            "spec.storage.quota",
            \.spec.storage.quota,
            in: Quantity(bytes: 16 << 20)...Quantity(bytes: 128 << 30),
            "How large a member's database may grow before it accepts no more writes."
        ),
        .duration(
            "spec.settings.heartbeatInterval",
            \.spec.settings.heartbeatInterval,
            in: .milliseconds(5)...(.seconds(10)),
            step: .milliseconds(1),
            "How often a leader shows that it lives; about the round-trip time between members."
        ),
        .duration(
            "spec.settings.electionTimeout",
            \.spec.settings.electionTimeout,
            in: .milliseconds(50)...(.seconds(50)),
            step: .milliseconds(1),
            "How long members do without a leader before they elect another; at least five "
                + "heartbeat intervals."
        ),
        .integer(
            "spec.settings.snapshotCount",
            \.spec.settings.snapshotCount,
            in: 1...1_000_000_000,
            "Applied log entries between two snapshots of the log."
        ),
        .quantity(
            "spec.settings.maxRequestBytes",
            \.spec.settings.maxRequestBytes,
            in: Quantity(bytes: 4 << 10)...Quantity(bytes: 64 << 20),
            "The largest request that a member accepts from a client."
        ),
        .choice(
            "spec.settings.autoCompaction.mode",
            \.spec.settings.autoCompaction.mode,
            "Disabled: clients see to it, as Kubernetes does. Periodic: what is older than "
                + "retention goes. Revision: all but the last revisions go."
        ),
        .duration(
            "spec.settings.autoCompaction.retention",
            \.spec.settings.autoCompaction.retention,
            in: .seconds(1)...(.seconds(365 * 86_400)),
            step: .seconds(1),
            "For mode Periodic: how long history is kept."
        ),
        .integer(
            "spec.settings.autoCompaction.revisions",
            \.spec.settings.autoCompaction.revisions,
            in: 1...1_000_000_000_000,
            "For mode Revision: how many revisions are kept."
        ),
        .texts(
            "spec.settings.extraArgs",
            \.spec.settings.extraArgs,
            keys: .flagName,
            values: .any,
            "Further flags of the member, by name without dashes: {max-txn-ops: \"256\"}. Flags "
                + "that the operator sets itself are refused.",
            encode: { $0.map { ($0.name, $0.value) } },
            decode: { $0.map { ClusterSpec.Argument(name: $0.key, value: $0.value) } },
            refusal: ManagedFlags.rule
        ),
        .text(
            "spec.network.address",
            \.spec.network.address,
            .address,
            "The address of this machine on which members listen for clients and for each other."
        ),
        .integer(
            "spec.network.basePort",
            \.spec.network.basePort,
            in: 0...65_500,
            "The first of the twenty ports that members listen on, two for each at a time. 0: a "
                + "free block is picked once and kept."
        ),
        .duration(
            "spec.healing.unhealthyAfter",
            \.spec.healing.unhealthyAfter,
            in: .seconds(1)...(.seconds(3600)),
            step: .seconds(1),
            "How long a member must fail its health checks before it counts as unhealthy. While a "
                + "majority serves without it, it is then restarted, once."
        ),
        .duration(
            "spec.healing.replaceAfter",
            \.spec.healing.replaceAfter,
            in: .seconds(1)...(.seconds(86_400)),
            step: .seconds(1),
            "How long a member must have been unable to serve before another takes its place. One "
                + "whose data is lost or damaged is replaced at once."
        ),
        .duration(
            "spec.healing.learnerTimeout",
            \.spec.healing.learnerTimeout,
            in: .seconds(10)...(.seconds(86_400)),
            step: .seconds(1),
            "How long a new member may take without any progress before it is given up and another "
                + "one is tried."
        ),
        .choice(
            "spec.healing.quorumLoss.policy",
            \.spec.healing.quorumLoss.policy,
            "Automatic: the cluster is built anew from the survivor that knows most. Manual: the "
                + "same, when you say so. Never: nothing is done."
        ),
        .duration(
            "spec.healing.quorumLoss.after",
            \.spec.healing.quorumLoss.after,
            in: .seconds(1)...(.seconds(86_400)),
            step: .seconds(1),
            "How long the majority must have been lost before."
        ),
        .schedule(
            "spec.maintenance.defragment.schedule",
            \.spec.maintenance.defragment.schedule,
            "When members are looked at, as a cron expression in UTC: minute, hour, day of the "
                + "month, month, day of the week. Empty: never."
        ),
        .quantity(
            "spec.maintenance.defragment.freeSpaceAbove",
            \.spec.maintenance.defragment.freeSpaceAbove,
            in: Quantity(bytes: 0)...Quantity(bytes: 128 << 30),
            "How much of a database's file must be free."
        ),
        .number(
            "spec.maintenance.defragment.ratioAbove",
            \.spec.maintenance.defragment.ratioAbove,
            in: 0...1,
            "Which share of a database's file must be free, from 0 to 1."
        ),
        .duration(
            "spec.maintenance.hashCheck",
            \.spec.maintenance.hashCheck,
            in: .seconds(10)...(.seconds(86_400)),
            step: .seconds(1),
            orZero: true,
            "How often the members' data are compared, by a hash at a revision that all of them "
                + "have. 0: never."
        ),
        .boolean(
            "spec.paused",
            \.spec.paused,
            "true: the operator watches and reports, and changes nothing."
        ),
        .choice(
            "spec.deletionPolicy",
            \.spec.deletionPolicy,
            "What happens when the spec disappears. Retain: members run on, data stays. Delete: "
                + "after a delay members are stopped and their data goes to the trash."
        ),
    ]
}

private let sorted: @Sendable ([String: String]) -> [(key: String, value: String)] = { entries in
    entries.sorted { $0.key < $1.key }
}

private let unsorted: @Sendable ([(key: String, value: String)]) -> [String: String] = { entries in
    Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
}

/// The engine's alternatives as separate fields. Reading gives nil for the fields of the other
/// engine, and writing those does nothing: the rules of `spec.engine` refuse them. `type` comes
/// first in the schema, so that the right alternative is there when its fields are written.
extension ClusterSpec {
    fileprivate var engineType: String? {
        get {
            switch engine {
            case .embedded: "embedded"
            case .etcd: "etcd"
            }
        }
        set { engine = newValue == "etcd" ? .etcd(version: nil, binary: "") : ClusterSpec().engine }
    }

    fileprivate var embeddedCompatibility: String? {
        get { if case .embedded(let compatibility) = engine { compatibility } else { nil } }
        set {
            if case .embedded = engine, let newValue {
                engine = .embedded(compatibility: newValue)
            }
        }
    }

    fileprivate var etcdBinary: String? {
        get { if case .etcd(_, let binary) = engine { binary } else { nil } }
        set {
            if case .etcd(let version, _) = engine {
                engine = .etcd(version: version, binary: newValue ?? "")
            }
        }
    }
}
