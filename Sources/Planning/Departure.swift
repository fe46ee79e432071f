package import ClusterAPI

/// Why a member leaves its cluster, and since when it does.
package struct Departure: Hashable, Sendable, Codable {
    package enum Cause: String, Hashable, Sendable, Codable {
        /// Fewer members are wanted.
        case scaledDown
        case dataLost
        case dataDamaged
        /// Its data differs from what the majority has.
        case dataDiffers
        /// It has not served for too long.
        case unhealthy
        /// Somebody else took it off the cluster's member list.
        case removed
        /// As a learner it made no progress.
        case fellBehind

        /// Another member shall take the place.
        fileprivate var isFinal: Bool { self != .scaledDown }
    }

    package var cause: Cause
    /// For people.
    package var why: String
    package var at: Timestamp
    /// When the cluster had taken it off its list; nil while it may be listed.
    package var unlistedAt: Timestamp?

    package init(_ cause: Cause, _ why: String, at: Timestamp, unlistedAt: Timestamp? = nil) {
        self.cause = cause
        self.why = why
        self.at = at
        self.unlistedAt = unlistedAt
    }

    /// The member is given up; it is not started again meanwhile.
    package var isFinal: Bool { cause.isFinal }
}

/// A member that is no more.
package struct Departed: Hashable, Sendable, Codable {
    package var member: String
    /// Lower-case hexadecimal; nil when the cluster had never added it.
    package var id: String?
    package var wasVoter: Bool
    package var cause: Departure.Cause
    package var at: Timestamp
    /// The ordinal of the member that came next, or will.
    package var successor: Int?

    package init(
        member: String,
        id: String?,
        wasVoter: Bool,
        cause: Departure.Cause,
        at: Timestamp,
        successor: Int? = nil
    ) {
        self.member = member
        self.id = id
        self.wasVoter = wasVoter
        self.successor = successor
        self.cause = cause
        self.at = at
    }
}

extension ClusterRecord {
    /// A member was given up, and the one that comes for it has no vote yet.
    package var isReplacing: Bool {
        members.contains { $0.departure?.isFinal == true || !$0.isVoter && isSuccessor($0.ordinal) }
    }

    /// True when the member with this ordinal takes the place of a voter that was given up; false
    /// when it makes the cluster larger.
    func isSuccessor(_ ordinal: Int) -> Bool {
        departed.contains { departed in
            guard departed.successor == ordinal, departed.cause.isFinal else { return false }
            // A learner that was given up: for whom had it come?
            return departed.wasVoter || departed.ordinal < ordinal && isSuccessor(departed.ordinal)
        }
    }
}

extension Departed {
    fileprivate var ordinal: Int { member.split(separator: "-").last.flatMap { Int($0) } ?? 0 }
}
