import Member
import Server
import Testing

/// The command line and its variables.
@Suite struct FlagTests {
    private func settings(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws(Fatal) -> Settings {
        let flags = try FlagParser(arguments: arguments, environment: environment)
        return try Settings(flags, workingDirectory: "/work")
    }

    @Test func `without flags a member is etcd's default member`() throws {
        let settings = try settings([])
        #expect(settings.name == "default")
        #expect(settings.dataDirectory == "/work/default.etcd")
        #expect(settings.listenClientURLs.map(\.description) == ["http://localhost:2379"])
        #expect(settings.initialCluster == "default=http://localhost:2380")
        #expect(settings.heartbeatMilliseconds == 100)
        #expect(settings.electionMilliseconds == 1_000)
        #expect(settings.maxTransactionOperations == 128)
        #expect(settings.maxRequestBytes == 1_572_864)
        #expect(settings.preVote)
    }

    @Test(
        arguments: [
            ["--name", "a"], ["--name=a"], ["-name", "a"], ["-name=a"], ["--name=b", "--name=a"],
        ]
    )
    func `a flag may be written in each of Go's ways`(arguments: [String]) throws {
        #expect(try settings(arguments).name == "a")
    }

    @Test func `learners may be counted under the name of 3 point 5 too`() throws {
        #expect(try settings([]).maxLearners == 1)
        #expect(try settings(["--max-learners=2"]).maxLearners == 2)
        #expect(try settings(["--experimental-max-learners=3"]).maxLearners == 3)
        let both = ["--max-learners=2", "--experimental-max-learners="]
        #expect(try settings([both[0], both[1] + "2"]).maxLearners == 2)
        #expect(throws: Fatal.self) { try settings([both[0], both[1] + "3"]) }
    }

    @Test func `the backend has room for twice the quota`() {
        let slack = 256 << 20
        #expect(Quota.mapSize(configured: -1) == 1 << 40)
        #expect(Quota.mapSize(configured: .max) == 1 << 40)
        #expect(Quota.mapSize(configured: 0) == (4 << 30) + slack)
        #expect(Quota.mapSize(configured: 8 << 30) == (16 << 30) + slack)
        #expect(Quota.mapSize(configured: 1 << 20) == (1 << 30) + slack)
    }

    @Test(arguments: [
        (["--pre-vote"], true), (["--pre-vote=false"], false), (["--pre-vote=F"], false),
    ])
    func `a boolean may stand alone`(arguments: [String], isOn: Bool) throws {
        #expect(try settings(arguments).preVote == isOn)
    }

    @Test(
        arguments: [
            (["--heartbeat-intervall", "100"], "did you mean --heartbeat-interval?"),
            (["--nonsense-here"], "flag provided but not defined: -nonsense-here"),
            (["run"], "'run' is not a valid flag"),
            (["--name"], "flag needs an argument: -name"),
            (["--heartbeat-interval=fast"], "invalid value \"fast\" for flag -heartbeat-interval"),
            (["--initial-cluster-state=old"], "expected one of new, existing"),
            (["--heartbeat-interval=0"], "--heartbeat-interval must be >0"),
            (
                ["--heartbeat-interval=300"],
                "--election-timeout[1000ms] should be at least as 5 times as "
                    + "--heartbeat-interval[300ms]"
            ),
            (["--election-timeout=60000"], "--election-timeout[60000ms] is too long"),
            (["--listen-peer-urls=http://node1:2380"], "expected IP in URL for binding"),
            (["--listen-peer-urls=127.0.0.1:2380"], "URL scheme must be http, https"),
            (["--listen-peer-urls=http://127.0.0.1"], "does not have the form \"host:port\""),
            (["--listen-peer-urls=http://127.0.0.1:1/x"], "URL must not contain a path"),
            (["--listen-peer-urls=https://127.0.0.1:1"], "scheme https is not supported yet"),
            (["--advertise-client-urls=http://:1"], "unexpected empty host"),
            (
                ["--listen-client-urls=http://127.0.0.1:1"],
                "--advertise-client-urls is required when --listen-client-urls is set explicitly"
            ),
            (["--cert-file=/etc/cert.pem"], "TLS is not built yet"),
            (["--client-cert-auth"], "TLS is not built yet"),
            (["--auto-compaction-retention=soon"], "error parsing CompactionRetention"),
            (["--auto-compaction-mode=daily"], "unknown auto-compaction-mode \"daily\""),
            (["--auto-compaction-mode="], "undefined auto-compaction-mode"),
            (
                ["--corrupt-check-time=1s", "--experimental-corrupt-check-time=2s"],
                "contradict each other"
            ),
            (["--config-file=/etc/etcd.yaml"], "a configuration file is not read"),
            (["--auth-token=jwt"], "authentication is not built yet"),
            (["--feature-gates=Nonsense=true"], "unrecognized feature gate: Nonsense"),
            (["--feature-gates=LeaseCheckpoint"], "missing bool value for LeaseCheckpoint"),
            (["--feature-gates=LeaseCheckpoint=so"], "invalid value of LeaseCheckpoint: so"),
            (
                ["--feature-gates=LeaseCheckpointPersist=true"],
                "LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
            ),
            (
                ["--experimental-enable-lease-checkpoint-persist"],
                "LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
            ),
            (
                [
                    "--feature-gates=LeaseCheckpoint=true",
                    "--experimental-enable-lease-checkpoint=true",
                ],
                "cannot specify both flags"
            ),
        ]
    )
    func `a wrong flag is an error that says what is wrong`(
        arguments: [String],
        text: String
    ) throws {
        let error = #expect(throws: Fatal.self) { try settings(arguments) }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
    }

    @Test(
        arguments: [
            ["--auto-compaction-retention=0"], ["--client-cert-auth=false"],
            ["--auth-token=simple"],
            ["--cert-file="], ["--enable-v2=false"], ["--log-outputs=stderr"],
        ]
    )
    func `a flag that asks for nothing is taken though its behaviour is missing`(
        arguments: [String]
    ) throws {
        _ = try settings(arguments)
    }

    @Test(
        arguments: [
            "--logger=zap", "--max-wals=5", "--backend-batch-limit=0",
            "--compaction-sleep-interval=1s", "--metrics=extensive",
        ]
    )
    func `names without effect are taken and listed`(argument: String) throws {
        let warnings = try settings([argument]).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("has no effect here") == true)
    }

    @Test(
        arguments: [
            ("periodic", "0", nil), ("periodic", "0s", nil), ("revision", "0", nil),
            ("periodic", "1", .periodic(milliseconds: 3_600_000)),
            ("periodic", "1h", .periodic(milliseconds: 3_600_000)),
            ("periodic", "1h30m", .periodic(milliseconds: 5_400_000)),
            ("periodic", "500ms", .periodic(milliseconds: 500)),
            ("revision", "1000", .revision(1_000)),
            // As etcd has it: a duration is its nanoseconds.
            ("revision", "1us", .revision(1_000)),
        ] as [(String, String, AutoCompaction.Policy?)]
    )
    func `automatic compaction is read as etcd reads it`(
        mode: String,
        retention: String,
        policy: AutoCompaction.Policy?
    ) throws {
        let settings = try settings([
            "--auto-compaction-mode=\(mode)", "--auto-compaction-retention=\(retention)",
        ])
        #expect(settings.autoCompaction == policy)
    }

    @Test func `names of 3 point 5 and 3 point 6 set the same`() throws {
        #expect(try settings([]).compactionBatchLimit == 1_000)
        #expect(try settings(["--compaction-batch-limit=0"]).compactionBatchLimit == 1_000)
        #expect(try settings(["--compaction-batch-limit=7"]).compactionBatchLimit == 7)
        #expect(try settings(["--experimental-compaction-batch-limit=7"]).compactionBatchLimit == 7)
        #expect(try settings(["--corrupt-check-time=2s"]).corruptCheckNanoseconds == 2_000_000_000)
        #expect(try settings(["--experimental-initial-corrupt-check"]).initialCorruptCheck)
    }

    @Test(
        arguments: [
            ([], false, false),
            (["--feature-gates=LeaseCheckpoint=true"], true, false),
            (["--feature-gates=LeaseCheckpoint=true, LeaseCheckpointPersist=true"], true, true),
            (["--feature-gates=AllAlpha=true"], true, true),
            (["--feature-gates=AllAlpha=true,LeaseCheckpointPersist=false"], true, false),
            (["--experimental-enable-lease-checkpoint"], true, false),
            (
                [
                    "--experimental-enable-lease-checkpoint=true",
                    "--experimental-enable-lease-checkpoint-persist=true",
                ], true, true
            ),
        ] as [([String], Bool, Bool)]
    )
    func `checkpoints of leases are off unless a feature gate or 3 point 5's flag says so`(
        arguments: [String],
        makes: Bool,
        persists: Bool
    ) throws {
        let settings = try settings(arguments)
        #expect(settings.leaseCheckpoint == makes)
        #expect(settings.leaseCheckpointPersist == persists)
        #expect(settings.warnings.isEmpty)
    }

    @Test func `a feature gate without effect is listed`() throws {
        let warnings = try settings(["--feature-gates=SetMemberLocalAddr=true"]).warnings
        #expect(warnings == ["feature gate SetMemberLocalAddr has no effect here"])
    }

    @Test func `variables stand in for flags that are not given`() throws {
        let environment = ["ETCD_NAME": "a", "ETCD_HEARTBEAT_INTERVAL": "50", "HOME": "/root"]
        let settings = try settings([], environment)
        #expect(settings.name == "a")
        #expect(settings.heartbeatMilliseconds == 50)
        #expect(settings.warnings.isEmpty)
    }

    @Test func `a variable against a flag is fatal, an unknown one only a warning`() throws {
        let error = #expect(throws: Fatal.self) {
            try settings(["--name=a"], ["ETCD_NAME": "b"])
        }
        #expect(error?.what.contains("conflicting environment variable ETCD_NAME") == true)
        let warnings = try settings([], ["ETCD_NMAE": "b"]).warnings
        #expect(warnings == ["unrecognized environment variable ETCD_NMAE"])
    }

    /// Of 3.6, which has no binary here, what it has beyond 3.5.1.
    @Test(
        arguments: [
            "compact-hash-check-time", "compaction-batch-limit", "compaction-sleep-interval",
            "corrupt-check-time", "downgrade-check-time", "warning-apply-duration",
            "warning-unary-request-duration", "watch-progress-notify-interval",
            "bootstrap-defrag-threshold-megabytes", "memory-mlock", "max-learners",
            "snapshot-catchup-entries", "peer-skip-client-san-verification",
            "distributed-tracing-address", "distributed-tracing-service-name",
            "distributed-tracing-instance-id", "distributed-tracing-sampling-rate",
            "enable-distributed-tracing", "wait-cluster-ready-timeout",
        ]
    )
    func `what 3 point 6 calls by a shorter name is known by both`(name: String) {
        #expect(FlagTable.flag(named: name) != nil)
        #expect(FlagTable.flag(named: "experimental-" + name) != nil)
    }

    @Test(
        arguments: [
            "feature-gates", "listen-client-http-urls", "discovery-endpoints", "discovery-token",
            "discovery-cert", "discovery-key", "discovery-cacert", "local-address", "log-format",
            "raft-read-timeout", "raft-write-timeout", "tls-min-version", "tls-max-version",
            "client-cert-file", "client-key-file", "enable-grpc-gateway", "max-concurrent-streams",
            "socket-reuse-port", "experimental-set-member-localaddr",
            "experimental-txn-mode-write-with-shared-buffer",
            "experimental-compact-hash-check-enabled", "experimental-stop-grpc-service-on-defrag",
        ]
    )
    func `a flag of 3 point 6 is known, and its variable`(name: String) throws {
        let flag = try #require(FlagTable.flag(named: name))
        let flags = try FlagParser(arguments: [], environment: [flag.variable: flag.fallback])
        #expect(flags.warnings.filter { $0.contains("unrecognized") }.isEmpty)
    }

    @Test func `no flag is listed twice`() {
        let names = FlagTable.all.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func `the version begins with etcd's line`() {
        let text = Usage.version(AnnouncedVersion(level: "3.6"))
        #expect(text.hasPrefix("etcd Version: 3.6."))
    }

    @Test(arguments: ["3.4", "3.5", "3.6"])
    func `compatibility caps what clients see, peers never see less than 3_5`(level: String) {
        let announced = AnnouncedVersion(level: level)
        #expect(announced.client.description.hasPrefix(level + "."))
        #expect(announced.peer >= AnnouncedVersion.minimumCluster)
    }

    @Test(
        arguments: [
            ("0", 0), ("5s", 5_000_000_000), ("100ms", 100_000_000), ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
        ] as [(String, Int64)]
    )
    func `durations are Go's`(text: String, nanoseconds: Int64) throws {
        let settings = try settings(["--grpc-keepalive-timeout=\(text)"])
        #expect(settings.keepaliveTimeoutNanoseconds == nanoseconds)
    }
}
