/// What is known about one member of the record.
package struct MemberObservation: Hashable, Sendable {
    package var name: String
    package var directory: DirectoryState
    package var process: ProcessState
    package var probe: Probe
    package var exits: ExitHistory
    /// When the probes began to fail without a break, on the monotonic clock.
    package var failingSince: Duration?
    /// Probes that failed since then.
    package var failures: Int
    /// Since when its port has been within reach and it has answered nothing, without a break, on
    /// the monotonic clock: the way to it is open, so it answers nobody else either.
    package var silentSince: Duration?
    /// When it served last, or was first looked at, on the monotonic clock; nil while it serves.
    package var unservedSince: Duration?
    /// Since when it has served without a break, on the monotonic clock.
    package var servingSince: Duration?
    /// Since when what it has applied has not grown, on the monotonic clock.
    package var stalledSince: Duration?
    /// How often in a row it was restarted because it hung, and has not served since.
    package var vainRestarts: Int
    /// When it ended as it had been asked to, on the monotonic clock, if it has not served since.
    package var stoppedAt: Duration?
    /// It was asked to end and has not done so yet.
    package var isStopping: Bool
    /// How often within five minutes its log took over a second to be on disk.
    package var slowSyncs: Int
    /// Times that this operator started the member again.
    package var restarts: Int

    package init(
        name: String,
        directory: DirectoryState,
        process: ProcessState = .none,
        probe: Probe = Probe(.unknown)
    ) {
        self.name = name
        self.directory = directory
        self.process = process
        self.probe = probe
        self.exits = ExitHistory()
        self.failures = 0
        self.vainRestarts = 0
        self.isStopping = false
        self.slowSyncs = 0
        self.restarts = 0
    }

    package var wasRestartedInVain: Bool { vainRestarts > 0 }
}

/// What a member's data directory is (safety rule 5). Only `damaged` and `gone` mean lost data:
/// they need positive evidence; whatever cannot be told is `unknown`.
package enum DirectoryState: Hashable, Sendable {
    /// A write-ahead log is there, and the identity is the member's.
    case intact
    /// Nothing has been written by the member; the identity, if there is one, is the member's.
    case empty
    /// The member itself found its files corrupt.
    case damaged(String)
    /// The directory's parent is there with its sentinel, the entry is not.
    case gone
    /// What is in its place is the directory of another member of this cluster.
    case misplaced(owner: String)
    /// Its place is free, and its directory was put aside to be moved there.
    case aside
    /// The files belong to another cluster or member, or nobody knows to whom.
    case foreign(String)
    /// It cannot be read: a lost mount, permissions, an I/O error.
    case unknown(String)
}

/// What runs for a member.
package enum ProcessState: Hashable, Sendable {
    case none
    /// The member's own process, started or adopted; `since` on the monotonic clock.
    case running(processID: Int32, since: Duration)
    /// A process that is not ours uses the member's data directory.
    case foreign(String)
}

/// What asking a member gave.
package struct Probe: Hashable, Sendable {
    /// A failed probe is not a dead member (safety rule 16), so the ways to fail are kept apart.
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case serving
        case servingWithAlarm
        /// It answers and knows no leader.
        case noLeader
        /// It answers and does not let us in.
        case refusedMe
        case unreachable
        /// There is no process to ask.
        case exited
        case unknown
    }

    package var verdict: Verdict
    /// Ids are lower-case hexadecimal; nil is what the member did not tell.
    package var clusterID: String?
    package var memberID: String?
    package var leaderID: String?
    package var revision: Int64?
    package var dbSize: Int64?
    package var dbSizeInUse: Int64?
    package var version: String?
    package var isLearner: Bool
    /// Of one that does not answer: its port takes connections, or the system says that nobody
    /// listens there.
    package var isWithinReach = false
    /// The term in which that leader leads.
    package var term: UInt64?
    /// Index of the last applied log entry.
    package var appliedIndex: UInt64?
    /// Alarms, or why the probe failed; empty when there is nothing to say.
    package var message: String

    package init(_ verdict: Verdict, message: String = "") {
        self.verdict = verdict
        self.isLearner = false
        self.message = message
    }

    package var isServing: Bool { verdict == .serving || verdict == .servingWithAlarm }
}

extension MemberObservation {
    package var isRunning: Bool {
        if case .running = process { true } else { false }
    }

    package var processID: Int32? {
        if case .running(let processID, _) = process { processID } else { nil }
    }
}
