extension Schema {
    /// What must hold between fields, and what is worth a warning.
    static let clusterRules: [SpecRule] = engineRules + timingRules + advice

    private static let engineRules: [SpecRule] = [
        .error(
            "spec.engine.embedded",
            and: "spec.engine.type",
            cel: CELRule(
                at: "spec.engine",
                "self.type == 'embedded' || !has(self.embedded)",
                says: "embedded is for type embedded"
            )
        ) { subject in
            guard subject.has("spec.engine.embedded"), case .etcd = subject.cluster.spec.engine
            else { return nil }
            return "is for spec.engine.type embedded, and the type is etcd; remove one of the two"
        },
        .error(
            "spec.engine.etcd",
            and: "spec.engine.type",
            cel: CELRule(
                at: "spec.engine",
                "self.type == 'etcd' || !has(self.etcd)",
                says: "etcd is for type etcd"
            )
        ) { subject in
            guard subject.has("spec.engine.etcd"), case .embedded = subject.cluster.spec.engine
            else { return nil }
            return "is for spec.engine.type etcd, and the type is embedded; set the type or remove "
                + "this"
        },
        .error(
            "spec.engine.etcd.binary",
            and: "spec.engine.type",
            cel: CELRule(
                at: "spec.engine",
                "self.type != 'etcd' || (has(self.etcd) && has(self.etcd.binary))",
                says: "etcd.binary is required for type etcd: the path of an etcd program"
            )
        ) { subject in
            guard case .etcd(_, binary: "") = subject.cluster.spec.engine else { return nil }
            return "is required for spec.engine.type etcd: the path of an etcd program"
        },
    ]

    private static let timingRules: [SpecRule] = [
        .error(
            "spec.settings.electionTimeout",
            and: "spec.settings.heartbeatInterval",
            // The language adds durations and does not multiply them.
            cel: CELRule(
                at: "spec.settings",
                """
                [\(CELRule.duration("self.heartbeatInterval"))].all(beat, \
                \(CELRule.duration("self.electionTimeout")) >= beat + beat + beat + beat + beat)
                """,
                says: "electionTimeout must be at least five times heartbeatInterval"
            )
        ) { subject in
            let settings = subject.cluster.spec.settings
            let least = settings.heartbeatInterval * ClusterSpec.Settings.leastBeats
            guard settings.electionTimeout < least else { return nil }
            return "expected at least \(least.text), five times spec.settings.heartbeatInterval "
                + "(\(settings.heartbeatInterval.text)), found \(settings.electionTimeout.text)"
        },
        .error(
            "spec.healing.replaceAfter",
            and: "spec.healing.unhealthyAfter",
            cel: CELRule(
                at: "spec.healing",
                CELRule.duration("self.replaceAfter") + " >= "
                    + CELRule.duration("self.unhealthyAfter"),
                says: "replaceAfter must be at least unhealthyAfter"
            )
        ) { subject in
            let healing = subject.cluster.spec.healing
            guard healing.replaceAfter < healing.unhealthyAfter else { return nil }
            return "expected at least spec.healing.unhealthyAfter "
                + "(\(healing.unhealthyAfter.text)), found \(healing.replaceAfter.text)"
        },
        .error(
            "spec.network.basePort",
            cel: CELRule(
                at: "spec.network.basePort",
                "self == 0 || self >= 1024",
                says: "basePort must be 0 or a port from 1024 to 65500"
            )
        ) { subject in
            let port = subject.cluster.spec.network.basePort
            guard (1..<1024).contains(port) else { return nil }
            return "expected 0 or a port from 1024 to 65500, found \(port)"
        },
    ]

    private static let advice: [SpecRule] = [
        .warning("spec.replicas") { subject in
            let replicas = subject.cluster.spec.replicas
            guard replicas > 0, replicas.isMultiple(of: 2) else { return nil }
            return "\(replicas) members survive no more failures than \(replicas - 1); an odd "
                + "number is better"
        },
        .warning("spec.storage.quota") { subject in
            let quota = subject.cluster.spec.storage.quota
            guard quota > Quantity(bytes: 8 << 30) else { return nil }
            return "\(quota) is more than the 8Gi up to which etcd is commonly used; starting and "
                + "copying a member takes long"
        },
        .warning("spec.settings.maxRequestBytes") { subject in
            let size = subject.cluster.spec.settings.maxRequestBytes
            guard size > Quantity(bytes: 10 << 20) else { return nil }
            return "requests above 10Mi delay heartbeats and may cost the leader its place"
        },
        .warning("spec.network.address") { subject in
            let address = subject.cluster.spec.network.address
            guard !address.hasPrefix("127.") else { return nil }
            return "without TLS and authentication, whoever reaches \(address) can read and change "
                + "everything"
        },
        .warning("spec.network.basePort") { subject in
            let port = subject.cluster.spec.network.basePort
            guard (32_768...60_999).contains(port) else { return nil }
            return "\(port) lies where Linux usually takes ports for outgoing connections, so a "
                + "member may find its port in use after a restart; better below 32768"
        },
    ]
}
