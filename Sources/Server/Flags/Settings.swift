package import Logging
package import Member

/// What a member was told to be: the flags, understood and checked against each other.
package struct Settings: Sendable {
    package var name: String
    /// Absolute.
    package var dataDirectory: String
    package var listenClientURLs: [ListenURL]
    package var advertiseClientURLs: [ListenURL]
    package var listenPeerURLs: [ListenURL]
    package var initialAdvertisePeerURLs: [ListenURL]

    /// As given, in etcd's form `name=url,name=url`.
    package var initialCluster: String
    package var initialClusterToken: String
    /// Joining an existing cluster, not starting a new one.
    package var joinsExisting: Bool
    /// This member is all that is left of the cluster.
    package var forcesNewCluster: Bool

    package var heartbeatMilliseconds: Int
    package var electionMilliseconds: Int
    /// After so long clients are promised to be served, even if by reads of the local state only.
    package var readyNanoseconds: Int64
    package var snapshotCount: UInt64
    package var catchUpEntries: UInt64
    package var quotaBackendBytes: Int64
    package var maxTransactionOperations: Int
    package var maxRequestBytes: Int
    package var maxConcurrentStreams: UInt32
    package var keepaliveMinimumNanoseconds: Int64
    package var keepaliveIntervalNanoseconds: Int64
    package var keepaliveTimeoutNanoseconds: Int64
    package var watchProgressNanoseconds: Int64
    package var preVote: Bool
    package var hastensFirstElection: Bool
    package var autoCompaction: AutoCompaction.Policy?
    package var compactionBatchLimit: Int
    package var initialCorruptCheck: Bool
    /// Between two comparisons of the members' data; 0 is never.
    package var corruptCheckNanoseconds: Int64
    /// Whether checksums at compactions are made and compared.
    package var compactHashCheck: Bool
    package var compactHashCheckNanoseconds: Int64
    package var strictReconfigCheck: Bool
    package var maxLearners: Int
    package var leaseCheckpoint: Bool
    package var leaseCheckpointPersist: Bool

    package var logLevel: Logger.Level
    package var logAsJSON: Bool
    package var announced: AnnouncedVersion
    /// Lines to log at start.
    package var warnings: [String]
    /// Who waits for the word that the member serves; of the environment, not of the flags.
    var initDaemon: InitDaemon?
}

extension Settings {
    /// Understands the flags; `workingDirectory` completes a relative `--data-dir`.
    package init(_ flags: FlagParser, workingDirectory: String) throws(Fatal) {
        name = flags.value("name")
        let directory = flags.isGiven("data-dir") ? flags.value("data-dir") : "\(name).etcd"
        dataDirectory = directory.hasPrefix("/") ? directory : "\(workingDirectory)/\(directory)"

        listenClientURLs = try flags.urls("listen-client-urls")
        advertiseClientURLs = try flags.urls("advertise-client-urls")
        listenPeerURLs = try flags.urls("listen-peer-urls")
        initialAdvertisePeerURLs = try flags.urls("initial-advertise-peer-urls")

        let ownCluster = initialAdvertisePeerURLs.map { "\(flags.value("name"))=\($0)" }
        initialCluster =
            flags.isGiven("initial-cluster")
            ? flags.value("initial-cluster") : ownCluster.joined(separator: ",")
        initialClusterToken = flags.value("initial-cluster-token")
        joinsExisting = flags.value("initial-cluster-state") == "existing"
        forcesNewCluster = flags.isOn("force-new-cluster")

        heartbeatMilliseconds = try flags.count("heartbeat-interval")
        electionMilliseconds = try flags.count("election-timeout")
        let readyTime = try flags.value(ofBothNames: "wait-cluster-ready-timeout")
        readyNanoseconds = FlagValue.nanoseconds(readyTime) ?? 0
        snapshotCount = UInt64(try flags.count("snapshot-count"))
        catchUpEntries = UInt64(try flags.count(ofBothNames: "snapshot-catchup-entries"))
        quotaBackendBytes = Int64(flags.value("quota-backend-bytes")) ?? 0
        maxTransactionOperations = try flags.count("max-txn-ops")
        maxRequestBytes = try flags.count("max-request-bytes")
        maxConcurrentStreams = UInt32(clamping: try flags.count("max-concurrent-streams"))
        keepaliveMinimumNanoseconds = flags.nanoseconds("grpc-keepalive-min-time")
        keepaliveIntervalNanoseconds = flags.nanoseconds("grpc-keepalive-interval")
        keepaliveTimeoutNanoseconds = flags.nanoseconds("grpc-keepalive-timeout")
        preVote = flags.isOn("pre-vote")
        hastensFirstElection = flags.isOn("initial-election-tick-advance")
        autoCompaction = try CompactionRetention.policy(
            mode: flags.value("auto-compaction-mode"),
            retention: flags.value("auto-compaction-retention")
        )
        let batchLimit = try flags.value(ofBothNames: "compaction-batch-limit")
        // etcd takes 0 (and less) for its default.
        compactionBatchLimit = Int(batchLimit).flatMap { $0 > 0 ? $0 : nil } ?? 1_000
        let gates = try FeatureGates(flags)
        initialCorruptCheck = gates.isOn("InitialCorruptCheck")
        let checkTime = try flags.value(ofBothNames: "corrupt-check-time")
        corruptCheckNanoseconds = FlagValue.nanoseconds(checkTime) ?? 0
        compactHashCheck = gates.isOn("CompactHashCheck")
        let compactTime = try flags.value(ofBothNames: "compact-hash-check-time")
        compactHashCheckNanoseconds = FlagValue.nanoseconds(compactTime) ?? 0
        strictReconfigCheck = flags.isOn("strict-reconfig-check")
        maxLearners = try flags.count(ofBothNames: "max-learners")

        leaseCheckpoint = gates.isOn("LeaseCheckpoint")
        leaseCheckpointPersist = gates.isOn("LeaseCheckpointPersist")

        logLevel = LineLogHandler.level(named: flags.value("log-level"))
        logAsJSON = flags.value("log-format") == "json"
        announced = AnnouncedVersion(level: flags.value("compatibility"))
        warnings = flags.warnings + gates.warnings
        watchProgressNanoseconds = flags.nanoseconds(
            try flags.name(ofBothNames: "watch-progress-notify-interval")
        )
        if watchProgressNanoseconds <= 0 {
            watchProgressNanoseconds = Self.usualWatchProgress
        } else if watchProgressNanoseconds < Self.leastWatchProgress {
            watchProgressNanoseconds = Self.leastWatchProgress
            warnings.append("--watch-progress-notify-interval is raised to 100ms, the least")
        }
        try check(flags)
    }

    private static let usualWatchProgress: Int64 = 600_000_000_000
    private static let leastWatchProgress: Int64 = 100_000_000

    /// etcd's own checks, in its order and nearly in its words.
    private func check(_ flags: FlagParser) throws(Fatal) {
        try checkBindable(listenPeerURLs)
        try checkBindable(listenClientURLs)
        try checkReachable(initialAdvertisePeerURLs)
        try checkReachable(advertiseClientURLs)
        if flags.isGiven("listen-client-urls") && !flags.isGiven("advertise-client-urls") {
            throw Self.wrong(
                "--advertise-client-urls is required when --listen-client-urls is set explicitly",
                "say where clients reach this member"
            )
        }
        if heartbeatMilliseconds == 0 {
            throw Self.wrong("--heartbeat-interval must be >0 (set to 0ms)", "the default is 100")
        }
        if electionMilliseconds == 0 {
            throw Self.wrong("--election-timeout must be >0 (set to 0ms)", "the default is 1000")
        }
        if electionMilliseconds < 5 * heartbeatMilliseconds {
            throw Self.wrong(
                "--election-timeout[\(electionMilliseconds)ms] should be at least as 5 times as "
                    + "--heartbeat-interval[\(heartbeatMilliseconds)ms]",
                "raise the one or lower the other"
            )
        }
        if electionMilliseconds > 50_000 {
            throw Self.wrong(
                "--election-timeout[\(electionMilliseconds)ms] is too long, and should be set "
                    + "less than 50000ms",
                "lower it"
            )
        }
        if compactHashCheckNanoseconds == 0 {
            throw Self.wrong(
                "--experimental-compact-hash-check-time must be >0 (set to 0s)",
                "the default is 1m"
            )
        }
        if leaseCheckpointPersist && !leaseCheckpoint {
            throw Self.wrong(
                "enabling feature gate LeaseCheckpointPersist requires enabling feature gate "
                    + "LeaseCheckpoint",
                "turn on both or none"
            )
        }
        if snapshotCount == 0 {
            throw Self.wrong("--snapshot-count must be >0", "the default is 10000")
        }
        if name.isEmpty {
            throw Self.wrong("--name must not be empty", "name the member")
        }
    }

    private func checkBindable(_ urls: [ListenURL]) throws(Fatal) {
        for url in urls where url.host != "localhost" && !IPAddress.isValid(url.host) {
            throw Self.wrong("expected IP in URL for binding (\(url))", "name no host there")
        }
    }

    private func checkReachable(_ urls: [ListenURL]) throws(Fatal) {
        for url in urls where url.host.isEmpty {
            throw Self.wrong("unexpected empty host (\(url))", "say which host others reach")
        }
    }

    private static func wrong(_ what: String, _ remedy: String) -> Fatal {
        Fatal(.configuration, what, remedy: remedy)
    }
}

extension FlagParser {
    fileprivate func urls(_ name: String) throws(Fatal) -> [ListenURL] {
        try ListenURL.list(value(name), flag: name)
    }

    /// Flags of this kind were read once already, so a mismatch here is only a number too large.
    fileprivate func count(_ name: String) throws(Fatal) -> Int {
        guard let number = Int(value(name)), number <= Int(UInt32.max) else {
            throw Fatal(
                .configuration,
                "invalid value \"\(value(name))\" for flag -\(name)",
                remedy: "it must be below 2^32"
            )
        }
        return number
    }

    /// A flag that has `experimental-` before its name in etcd 3.5.
    fileprivate func count(ofBothNames new: String) throws(Fatal) -> Int {
        try count(try name(ofBothNames: new))
    }

    fileprivate func value(ofBothNames new: String) throws(Fatal) -> String {
        value(try name(ofBothNames: new))
    }

    /// Which of the two names is given.
    fileprivate func name(ofBothNames new: String) throws(Fatal) -> String {
        let old = "experimental-" + new
        if isGiven(new), isGiven(old), value(new) != value(old) {
            throw Fatal(
                .configuration,
                "--\(new)=\(value(new)) and --\(old)=\(value(old)) contradict each other",
                remedy: "leave one of them out"
            )
        }
        return isGiven(old) ? old : new
    }

    fileprivate func nanoseconds(_ name: String) -> Int64 {
        FlagValue.nanoseconds(value(name)) ?? 0
    }
}
