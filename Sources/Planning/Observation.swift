package import ClusterAPI

/// Everything that one pass of the operator knows about one cluster, read before anything is
/// decided. The planner sees nothing else: the same observation always gives the same plan.
package struct Observation: Hashable, Sendable {
    package var name: ClusterName
    /// The last accepted spec; it stays when the file with it vanishes or breaks.
    package var spec: ClusterSpec
    package var generation: Int64
    package var record: RecordState
    /// In the order of their ordinals; one for each member of the record.
    package var members: [MemberObservation]
    /// What exists of this cluster beside its record: directories, trash, processes.
    package var leftovers: [String]
    /// A record put together from what the members' directories say, when the record itself is
    /// lost and they agree.
    package var rebuilt: ClusterRecord?
    /// The member list as a quorum of the cluster confirmed it; nil when none did.
    package var memberList: MemberList?
    /// Raised alarms, as a member that serves lists them.
    package var alarms: [Alarm]
    /// The last comparisons of the members' data, oldest first, at most two.
    package var comparisons: [HashComparison]
    /// When the data was compared last, or the operator began to watch, or a member joined.
    package var comparedAt: Duration
    /// What was done about the lack of space since it was found.
    package var spaceWork: SpaceWork
    /// Names of members whose databases are to be rewritten, as the schedule says.
    package var defragmentDue: Set<String>
    /// Members that the cluster lists and nobody has named: since when, on the monotonic clock, by
    /// id.
    package var strangers: [String: Duration]
    /// Since when a majority's data is known to be lost, on the monotonic clock.
    package var quorumLostSince: Duration?
    /// How leaders lost their office within the last five minutes, oldest first.
    package var leaderLosses: [LeaderLoss]
    /// When the operator itself moved the leadership last, on the monotonic clock.
    package var leaderMovedAt: Duration?
    /// Nil when it cannot be told.
    package var space: DiskSpace?
    /// Since when a quorum has served without a break, on the monotonic clock; nil while none does.
    package var quorumSince: Duration?
    package var fleet: FleetObservation
    /// A step that was begun and goes on beside the passes.
    package var underWay: Step?
    /// Why the machine's processes could not be listed; nil when they could.
    package var processesUnknown: String?
    /// Set while no spec declares the cluster.
    package var missing: SpecMissing?
    /// What is wrong with the file that declares the cluster, when its present text is refused.
    package var rejected: String?
    /// Why nobody can tell whether a file declares the cluster; nil when the place can be read.
    package var outOfReach: String?
    package var now: Instant

    package init(name: ClusterName, spec: ClusterSpec, now: Instant) {
        self.name = name
        self.spec = spec
        self.generation = 1
        self.record = .absent
        self.members = []
        self.leftovers = []
        self.alarms = []
        self.comparisons = []
        self.comparedAt = now.monotonic
        self.spaceWork = SpaceWork()
        self.defragmentDue = []
        self.strangers = [:]
        self.leaderLosses = []
        self.fleet = FleetObservation()
        self.now = now
    }
}

extension Observation {
    package func member(_ name: String) -> MemberObservation? {
        members.first { $0.name == name }
    }

    /// Members that serve this cluster. What listens on a member's port and answers for another
    /// has no say in anything.
    package var serving: [MemberObservation] {
        guard case .read(let record) = record else { return [] }
        return members.filter { $0.probe.isServing && $0.probe.clusterID == record.clusterID }
    }

    /// The id of the leader: who says so of itself, else whom the others name; nil when nobody
    /// does.
    package var leaderID: String? {
        let named = serving.filter { $0.probe.leaderID != nil }
        let leader = named.first { $0.probe.leaderID == $0.probe.memberID }
        return (leader ?? named.first)?.probe.leaderID
    }
}

/// One moment on both clocks.
package struct Instant: Hashable, Sendable {
    /// Since some fixed moment before the operator started; never goes back.
    package var monotonic: Duration
    package var wall: Timestamp

    package init(monotonic: Duration, wall: Timestamp) {
        self.monotonic = monotonic
        self.wall = wall
    }
}

/// What reading `cluster.json` gave.
package enum RecordState: Hashable, Sendable {
    case absent
    case read(ClusterRecord)
    /// It exists and cannot be used: damaged, of a newer version, unreadable.
    case unusable(String)
}

/// No file declares the cluster any more.
package struct SpecMissing: Hashable, Sendable {
    /// For how long, on the monotonic clock.
    package var lasting: Duration
    /// The place it was read from is watched, is the same directory as before, and can be read.
    package var sourceReadable: Bool
    /// How many clusters vanished within the same ten minutes, this one counted.
    package var vanishedTogether: Int

    package init(lasting: Duration, sourceReadable: Bool, vanishedTogether: Int) {
        self.lasting = lasting
        self.sourceReadable = sourceReadable
        self.vanishedTogether = vanishedTogether
    }
}

/// The members of a cluster as etcd itself lists them.
package struct MemberList: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        /// Lower-case hexadecimal.
        package var id: String
        /// Empty until the member has started once.
        package var name: String
        package var isLearner: Bool
        package var peerURLs: [String]

        package init(id: String, name: String, isLearner: Bool, peerURLs: [String] = []) {
            self.id = id
            self.name = name
            self.isLearner = isLearner
            self.peerURLs = peerURLs
        }
    }

    /// Lower-case hexadecimal.
    package var clusterID: String
    package var entries: [Entry]

    package init(clusterID: String, entries: [Entry]) {
        self.clusterID = clusterID
        self.entries = entries
    }

    package var voters: Int { entries.filter { !$0.isLearner }.count }

    package func entry(_ id: String?) -> Entry? {
        entries.first { $0.id == id }
    }

    package func entry(listeningOn peerURL: String) -> Entry? {
        entries.first { $0.peerURLs.contains(peerURL) }
    }
}

/// An alarm of etcd's.
package struct Alarm: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case noSpace = "NOSPACE"
        case corrupt = "CORRUPT"
    }

    package var kind: Kind
    /// Lower-case hexadecimal; etcd also raises alarms for the id 0.
    package var memberID: String

    package init(_ kind: Kind, memberID: String) {
        self.kind = kind
        self.memberID = memberID
    }
}

/// What was done since the cluster said that it is out of space.
package struct SpaceWork: Hashable, Sendable {
    /// The last compaction: the revision up to which history was dropped, and when, on the
    /// monotonic clock.
    package var compaction: Compaction?
    /// Names of the members that were defragmented since.
    package var defragmented: Set<String> = []

    package struct Compaction: Hashable, Sendable {
        package var revision: Int64
        package var at: Duration

        package init(revision: Int64, at: Duration) {
            self.revision = revision
            self.at = at
        }
    }

    package init() {}
}

/// What the operator knows of all its clusters together.
package struct FleetObservation: Hashable, Sendable {
    /// Why the operator does not believe its own probes now (safety rule 16); nil when it does.
    package var suspicion: String?
    /// Other clusters in which a member is being replaced.
    package var replacing = 0
    /// Copying a member's data takes disk and network from all others of the machine.
    package static let mostReplacing = 2

    package init() {}
}
