/// Flags that deployment manifests carry and that change nothing here.
extension FlagTable {
    static let inert: [Flag] =
        [
            ("logger", .text, "zap"),
            ("max-snapshots", .unsigned, "5"),
            ("max-wals", .unsigned, "5"),
            ("backend-bbolt-freelist-type", .text, "map"),
            ("backend-batch-interval", .duration, "0s"),
            ("backend-batch-limit", .signed, "0"),
            ("auth-token-ttl", .unsigned, "300"),
            ("bcrypt-cost", .unsigned, "10"),
            ("cors", .text, "*"),
            ("metrics", .text, "basic"),
            ("tls-min-version", .text, "TLS1.2"),
            ("tls-max-version", .text, ""),
            ("self-signed-cert-validity", .unsigned, "1"),
            ("socket-reuse-address", .boolean, "false"),
            ("discovery-fallback", .text, "exit"),
            ("discovery-dial-timeout", .duration, "2s"),
            ("discovery-request-timeout", .duration, "5s"),
            ("discovery-keepalive-time", .duration, "2s"),
            ("discovery-keepalive-timeout", .duration, "6s"),
            ("discovery-insecure-transport", .boolean, "true"),
            ("discovery-insecure-skip-tls-verify", .boolean, "false"),
            ("discovery-user", .text, ""),
            ("discovery-password", .text, ""),
            ("proxy-failure-wait", .unsigned, "5000"),
            ("proxy-refresh-interval", .unsigned, "30000"),
            ("proxy-dial-timeout", .unsigned, "1000"),
            ("proxy-write-timeout", .unsigned, "5000"),
            ("proxy-read-timeout", .unsigned, "0"),
            ("v2-deprecation", .text, "not-yet"),
            ("log-rotation-config-json", .text, ""),
            ("log-package-levels", .text, ""),
            ("debug", .boolean, "false"),
            ("set-member-localaddr", .boolean, "false"),
            ("local-address", .text, ""),
            ("raft-read-timeout", .duration, "5s"),
            ("raft-write-timeout", .duration, "5s"),
            ("enable-grpc-gateway", .boolean, "true"),
        ].map(inert)
        + bothNames.flatMap { [inert($0), inert(("experimental-" + $0.0, $0.1, $0.2))] }
        + [
            ("experimental-txn-mode-write-with-shared-buffer", .boolean, "true"),
            ("experimental-enable-v2v3", .text, ""),
            ("experimental-set-member-localaddr", .boolean, "false"),
            ("experimental-backend-bbolt-freelist-type", .text, "map"),
        ].map(inert)

    /// Names that 3.5 has with the prefix `experimental-` and 3.6 without.
    private static let bothNames: [(String, Flag.Kind, String)] = [
        // Deleting yields to requests after every batch, so it need not sleep.
        ("compaction-sleep-interval", .duration, "10ms"),
        ("warning-apply-duration", .duration, "100ms"),
        ("warning-unary-request-duration", .duration, "300ms"),
        ("downgrade-check-time", .duration, "5s"),
        ("memory-mlock", .boolean, "false"),
        ("distributed-tracing-address", .text, "localhost:4317"),
        ("distributed-tracing-service-name", .text, "etcd"),
        ("distributed-tracing-instance-id", .text, ""),
        ("distributed-tracing-sampling-rate", .unsigned, "0"),
        ("bootstrap-defrag-threshold-megabytes", .unsigned, "0"),
        ("stop-grpc-service-on-defrag", .boolean, "false"),
        ("peer-skip-client-san-verification", .boolean, "false"),
    ]

    private static func inert(_ row: (String, Flag.Kind, String)) -> Flag {
        Flag(row.0, row.1, row.2, "No effect here.", effect: .none)
    }
}
