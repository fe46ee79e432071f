/// The wanted state of a cluster: every field of `spec` that this version acts on.
///
/// The defaults are those of the schema (`Schema.cluster`); a test holds the two together.
package struct ClusterSpec: Hashable, Sendable {
    /// Voting members wanted, 0 to 9; 0 keeps the data and runs nothing.
    package var replicas = 3
    package var engine = Engine.embedded(compatibility: "3.5")
    package var storage = Storage()
    package var settings = Settings()
    package var network = Network()
    package var healing = Healing()
    package var maintenance = Maintenance()
    /// True: the operator observes and reports, and changes nothing.
    package var paused = false
    package var deletionPolicy = DeletionPolicy.retain

    package init() {}

    /// What runs as a member.
    package enum Engine: Hashable, Sendable {
        /// The `etcd-member` of this package, announcing itself as this minor version of etcd.
        case embedded(compatibility: String)
        /// An upstream etcd at this absolute path. `version` would be the one it must have; nothing
        /// checks that yet, so the schema refuses it and it is nil.
        case etcd(version: String?, binary: String)
    }

    package struct Storage: Hashable, Sendable {
        /// How large a member's database may grow before it accepts no more writes.
        package var quota = Quantity(bytes: 8 << 30)

        package init() {}
    }

    /// How members behave; each becomes a flag of the member.
    package struct Settings: Hashable, Sendable {
        package var heartbeatInterval = Duration.milliseconds(100)
        package var electionTimeout = Duration.milliseconds(1000)
        /// Heartbeats that fit into an election timeout at least.
        package static let leastBeats = 5
        /// Applied entries between two snapshots of the log.
        package var snapshotCount: Int64 = 10_000
        package var maxRequestBytes = Quantity(bytes: 1_572_864)
        package var autoCompaction = AutoCompaction()
        /// Further flags, by name without dashes, sorted by name.
        package var extraArgs: [Argument] = []

        package init() {}
    }

    /// When members drop old history without anybody asking for it.
    package struct AutoCompaction: Hashable, Sendable {
        package enum Mode: String, CaseIterable, Hashable, Sendable {
            case disabled = "Disabled"
            /// What is older than `retention` is dropped.
            case periodic = "Periodic"
            /// All but the last `revisions` are dropped.
            case revision = "Revision"
        }

        package var mode = Mode.disabled
        package var retention = Duration.seconds(3600)
        package var revisions: Int64 = 10_000

        package init() {}
    }

    package struct Argument: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where members listen.
    package struct Network: Hashable, Sendable {
        /// An IP address of this machine.
        package var address: String
        /// The first port of the cluster's block; 0 lets the operator pick one once and keep it.
        package var basePort: Int

        package init(address: String = "127.0.0.1", basePort: Int = 0) {
            self.address = address
            self.basePort = basePort
        }
    }

    /// When the operator does something about a member that does not serve.
    package struct Healing: Hashable, Sendable {
        /// How long a member must fail its health checks before it is reported as unhealthy, and
        /// restarted once while the others serve.
        package var unhealthyAfter = Duration.seconds(60)
        /// How long a member must have failed before another takes its place.
        package var replaceAfter = Duration.seconds(300)
        /// How long a learner may take to catch up before it is given up.
        package var learnerTimeout = Duration.seconds(600)
        package var quorumLoss = QuorumLoss()

        package init() {}
    }

    /// What happens when the data of a majority is lost for good.
    package struct QuorumLoss: Hashable, Sendable {
        package enum Policy: String, CaseIterable, Hashable, Sendable {
            /// The cluster is built anew from the survivor with the newest data.
            case automatic = "Automatic"
            /// The same, when a user says so.
            case manual = "Manual"
            case never = "Never"
        }

        package var policy = Policy.automatic
        /// How long the majority must have been lost before.
        package var after = Duration.seconds(120)

        package init() {}
    }

    /// What is done now and then, though nothing has failed.
    package struct Maintenance: Hashable, Sendable {
        package var defragment = Defragment()
        /// How often the members' hashes are compared; zero for never.
        package var hashCheck = Duration.seconds(600)

        package init() {}
    }

    /// When a member's database is written anew without its holes. Both thresholds must be
    /// exceeded: each write costs the member a moment, and pays only if it frees much.
    package struct Defragment: Hashable, Sendable {
        /// Nil for never.
        package var schedule: Schedule?
        /// Bytes of the file that hold nothing.
        package var freeSpaceAbove = Quantity(bytes: 200 << 20)
        /// Their share of the file, from 0 to 1.
        package var ratioAbove = 0.45

        package init() {}
    }

    /// What the disappearance of the spec means.
    package enum DeletionPolicy: String, CaseIterable, Hashable, Sendable {
        /// Stop managing; members run on and their data stays.
        case retain = "Retain"
        /// Stop the members and move their data to the trash, after a delay.
        case delete = "Delete"
    }
}
