/// Flags whose behaviour is missing: only the value that asks for nothing is taken.
extension FlagTable {
    static let missing: [Flag] =
        tls + discovery
        + [
            refused("config-file", .text, "", "a configuration file is not read; use flags"),
            refused("wal-dir", .text, "", "the log lives in the data directory"),
            refused("unsafe-no-fsync", .boolean, "false", "this member always syncs"),
            refused("listen-client-http-urls", .text, "", "one client port serves gRPC and HTTP"),
            refused("listen-metrics-urls", .text, "", "metrics are not served yet"),
            refused("auth-token", .text, "simple", "authentication is not built yet"),
            refused("enable-v2", .boolean, "false", "the v2 API does not exist here"),
            refused("enable-pprof", .boolean, "false", "there is no Go runtime to profile"),
            refused("proxy", .text, "off", "the v2 proxy does not exist here"),
            refused("gateway", .text, "", "the gateway does not exist here"),
            refused("host-whitelist", .text, "*", "host names are not checked"),
            refused("socket-reuse-port", .boolean, "false", "ports are not shared"),
            refused("enable-log-rotation", .boolean, "false", "the log goes to standard error"),
            Flag(
                "log-outputs",
                .text,
                "default",
                "Where the log goes.",
                effect: .refused(unless: ["stderr"], because: "the log goes to standard error")
            ),
            refused("enable-distributed-tracing", .boolean, "false", "spans are not exported"),
            refused(
                "experimental-enable-distributed-tracing",
                .boolean,
                "false",
                "spans are not exported"
            ),
        ]

    private static let tls: [Flag] =
        [
            "cert-file", "key-file", "client-cert-file", "client-key-file", "trusted-ca-file",
            "client-crl-file", "client-cert-allowed-hostname", "peer-cert-file", "peer-key-file",
            "peer-client-cert-file", "peer-client-key-file", "peer-trusted-ca-file",
            "peer-cert-allowed-cn", "peer-cert-allowed-hostname", "peer-crl-file", "ca-file",
            "peer-ca-file", "cipher-suites", "client-cert-allowed-cn",
        ].map { refused($0, .text, "", "TLS is not built yet") }
        + ["client-cert-auth", "peer-client-cert-auth", "auto-tls", "peer-auto-tls"].map {
            refused($0, .boolean, "false", "TLS is not built yet")
        }

    private static let discovery: [Flag] = [
        "discovery", "discovery-proxy", "discovery-srv", "discovery-srv-name",
        "discovery-endpoints", "discovery-token", "discovery-cert", "discovery-key",
        "discovery-cacert",
    ].map { refused($0, .text, "", "discovery is not supported; use --initial-cluster") }

    private static func refused(
        _ name: String,
        _ kind: Flag.Kind,
        _ fallback: String,
        _ because: String
    ) -> Flag {
        Flag(
            name,
            kind,
            fallback,
            "Not supported: \(because).",
            effect: .refused(unless: [], because: because)
        )
    }
}
