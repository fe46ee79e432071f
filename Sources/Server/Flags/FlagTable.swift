/// Every flag of etcd 3.4 to 3.6, and our own, with what it does here.
package enum FlagTable {
    package static let all: [Flag] =
        member + limits + clustering + history + features + observing + missing + inert

    /// Finds a flag by its exact name.
    package static func flag(named name: String) -> Flag? {
        all.first { $0.name == name }
    }

    private static let member: [Flag] = [
        Flag("name", .text, "default", "Human-readable name of this member."),
        Flag("data-dir", .text, "${name}.etcd", "Where the member keeps its data."),
        Flag("listen-client-urls", .urls, "http://localhost:2379", "Where to serve clients."),
        Flag(
            "advertise-client-urls",
            .urls,
            "http://localhost:2379",
            "Where clients reach this member."
        ),
        Flag("listen-peer-urls", .urls, "http://localhost:2380", "Where to serve other members."),
        Flag("heartbeat-interval", .unsigned, "100", "Milliseconds between heartbeats."),
        Flag("election-timeout", .unsigned, "1000", "Milliseconds without a leader."),
        Flag("snapshot-count", .unsigned, "10000", "Entries between log compactions."),
        Flag("quota-backend-bytes", .signed, "0", "Backend size limit; 0 means 2 GiB."),
        Flag("pre-vote", .boolean, "true", "Ask before disturbing a leader."),
        Flag(
            "initial-election-tick-advance",
            .boolean,
            "true",
            "Elect sooner after a start, once two others are connected."
        ),
        Flag("compatibility", .oneOf(["3.4", "3.5", "3.6"]), "3.5", "Caps the announced version."),
        Flag("version", .boolean, "false", "Print the version and exit."),
        Flag("help", .boolean, "false", "Print this text and exit.", shorthand: "h"),
    ]

    private static let limits: [Flag] = [
        Flag("max-txn-ops", .unsigned, "128", "Operations allowed in one transaction."),
        Flag("max-request-bytes", .unsigned, "1572864", "Largest client request."),
        Flag(
            "max-concurrent-streams",
            .unsigned,
            "4294967295",
            "Streams of one client connection."
        ),
        Flag("grpc-keepalive-min-time", .duration, "5s", "Shortest interval of client pings."),
        Flag(
            "grpc-keepalive-interval",
            .duration,
            "2h",
            "Interval of pings to clients; 0 is none."
        ),
        Flag(
            "grpc-keepalive-timeout",
            .duration,
            "20s",
            "Wait before closing a silent connection."
        ),
        Flag(
            "watch-progress-notify-interval",
            .duration,
            "10m0s",
            "Interval of progress reports to watches that ask for them."
        ),
        Flag(
            "experimental-watch-progress-notify-interval",
            .duration,
            "10m0s",
            "3.5's name of --watch-progress-notify-interval."
        ),
    ]

    private static let clustering: [Flag] = [
        Flag(
            "initial-advertise-peer-urls",
            .urls,
            "http://localhost:2380",
            "Where other members reach this one."
        ),
        Flag(
            "initial-cluster",
            .text,
            "${name}=${initial-advertise-peer-urls}",
            "Members at bootstrap: name=url,..."
        ),
        Flag(
            "initial-cluster-state",
            .oneOf(["new", "existing"]),
            "new",
            "Start a cluster or join one."
        ),
        Flag("initial-cluster-token", .text, "etcd-cluster", "Tells equal bootstraps apart."),
        Flag(
            "force-new-cluster",
            .boolean,
            "false",
            "Drop all other members and commit all of the log. Only when a majority is lost for "
                + "good, on the newest log left, and for one start."
        ),
        Flag(
            "wait-cluster-ready-timeout",
            .duration,
            "5s",
            "How long to wait for the cluster before saying that clients are served."
        ),
        Flag(
            "experimental-wait-cluster-ready-timeout",
            .duration,
            "5s",
            "3.5's name of --wait-cluster-ready-timeout."
        ),
        Flag("strict-reconfig-check", .boolean, "true", "Refuse changes that would lose quorum."),
        Flag("max-learners", .unsigned, "1", "Learners allowed at a time."),
        Flag(
            "snapshot-catchup-entries",
            .unsigned,
            "5000",
            "Entries kept for slow members when the log is cut off."
        ),
        Flag(
            "experimental-snapshot-catchup-entries",
            .unsigned,
            "5000",
            "3.5's name of --snapshot-catchup-entries."
        ),
        Flag("experimental-max-learners", .unsigned, "1", "3.5's name of --max-learners."),
    ]

    private static let history: [Flag] = [
        Flag(
            "auto-compaction-mode",
            .text,
            "periodic",
            "What --auto-compaction-retention counts: periodic (time) or revision."
        ),
        Flag(
            "auto-compaction-retention",
            .text,
            "0",
            "History that automatic compaction keeps: hours, a duration, or revisions; 0 is all."
        ),
        Flag(
            "compaction-batch-limit",
            .signed,
            "1000",
            "Keys and rows that one step of a compaction looks at."
        ),
        Flag(
            "experimental-compaction-batch-limit",
            .signed,
            "1000",
            "3.5's name of --compaction-batch-limit."
        ),
        Flag(
            "experimental-initial-corrupt-check",
            .boolean,
            "false",
            "Compare the data with the other members' before serving."
        ),
        Flag(
            "corrupt-check-time",
            .duration,
            "0s",
            "Time between comparisons of the members' data; 0 is never."
        ),
        Flag(
            "experimental-corrupt-check-time",
            .duration,
            "0s",
            "3.5's name of --corrupt-check-time."
        ),
        Flag(
            "experimental-compact-hash-check-enabled",
            .boolean,
            "false",
            "Compare what members had at each compaction."
        ),
        Flag(
            "compact-hash-check-time",
            .duration,
            "1m0s",
            "Time between comparisons of what members had at compactions."
        ),
        Flag(
            "experimental-compact-hash-check-time",
            .duration,
            "1m0s",
            "3.5's name of --compact-hash-check-time."
        ),
    ]

    private static let features: [Flag] = [
        Flag("feature-gates", .text, "", "Features to turn on or off: Name=true,..."),
        Flag(
            "experimental-enable-lease-checkpoint",
            .boolean,
            "false",
            "3.5's name of --feature-gates=LeaseCheckpoint=true."
        ),
        Flag(
            "experimental-enable-lease-checkpoint-persist",
            .boolean,
            "false",
            "3.5's name of --feature-gates=LeaseCheckpointPersist=true."
        ),
    ]

    private static let observing: [Flag] = [
        Flag(
            "log-level",
            .oneOf(["debug", "info", "warn", "error", "panic", "fatal"]),
            "info",
            "Least severe log line written."
        ),
        Flag("log-format", .oneOf(["json", "console"]), "json", "Form of the log lines."),
    ]

    /// The first flag whose name is close to a mistyped one, or nil when none is close.
    package static func nearest(to name: String, in table: [Flag] = all) -> Flag? {
        let closest = table.map { ($0, EditDistance.between(name, $0.name)) }.min { $0.1 < $1.1 }
        guard let (flag, distance) = closest, distance <= max(2, name.count / 3) else { return nil }
        return flag
    }
}
