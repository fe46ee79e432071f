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
    /// Why the machine's processes could not be listed; nil when they could.
    package var processesUnknown: String?
    /// Set while no spec declares the cluster.
    package var missing: SpecMissing?
    /// What is wrong with the file that declares the cluster, when its present text is refused.
    package var rejected: String?
    package var now: Instant

    package init(name: ClusterName, spec: ClusterSpec, now: Instant) {
        self.name = name
        self.spec = spec
        self.generation = 1
        self.record = .absent
        self.members = []
        self.leftovers = []
        self.now = now
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

        package init(id: String, name: String, isLearner: Bool) {
            self.id = id
            self.name = name
            self.isLearner = isLearner
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
}
