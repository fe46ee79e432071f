/// The flags of a member that are the operator's own, so that `extraArgs` may not name them.
package struct ManagedFlags {
    /// The field that sets a flag.
    private static let fields: [String: String] = [
        "auto-compaction-mode": "spec.settings.autoCompaction.mode",
        "auto-compaction-retention": "spec.settings.autoCompaction",
        "compatibility": "spec.engine.embedded.compatibility",
        "election-timeout": "spec.settings.electionTimeout",
        "heartbeat-interval": "spec.settings.heartbeatInterval",
        "max-request-bytes": "spec.settings.maxRequestBytes",
        "quota-backend-bytes": "spec.storage.quota",
        "snapshot-count": "spec.settings.snapshotCount",
    ]

    /// Flags that would change who a member is, where it is, or how the operator finds it.
    private static let identity: Set<String> = [
        "advertise-client-urls", "config-file", "data-dir", "discovery", "discovery-srv",
        "force-new-cluster", "initial-advertise-peer-urls", "initial-cluster",
        "initial-cluster-state", "initial-cluster-token", "listen-client-http-urls",
        "listen-client-urls", "listen-peer-urls", "log-outputs", "name", "wal-dir",
    ]

    /// Flags whose use needs support by the operator, which would else lose its members.
    private static let unsupported: Set<String> = [
        "auth-token", "auto-tls", "cert-file", "client-cert-auth", "client-crl-file", "key-file",
        "peer-auto-tls", "peer-cert-file", "peer-client-cert-auth", "peer-crl-file",
        "peer-key-file", "peer-trusted-ca-file", "strict-reconfig-check", "trusted-ca-file",
    ]

    private static let identityPrefix = "discovery-"

    /// The rule of `extraArgs`.
    static let rule = EntryRule(
        cel: { place in
            let names = (Array(fields.keys) + identity + unsupported).sorted()
            return CELRule(
                at: place,
                "self.all(name, !name.startsWith('\(identityPrefix)') && "
                    + "!(name in \(CELRule.list(names))))",
                says: "flags that the operator sets, or that need its support, are refused"
            )
        },
        judge: { name, _ in refusal(of: name) }
    )

    /// Why a flag is refused; nil when it may be given.
    static func refusal(of name: String) -> String? {
        if let field = fields[name] { return "is set by the operator; use \(field)" }
        if identity.contains(name) || name.hasPrefix(identityPrefix) {
            return "is set by the operator and cannot be chosen"
        }
        if unsupported.contains(name) {
            return "not supported yet by this version of etcd-operator; remove it"
        }
        return nil
    }
}
