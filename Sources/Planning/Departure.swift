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
    }

    package var cause: Cause
    /// For people.
    package var why: String
    package var at: Timestamp

    package init(_ cause: Cause, _ why: String, at: Timestamp) {
        self.cause = cause
        self.why = why
        self.at = at
    }

    /// The member is given up; it is not started again meanwhile.
    package var isFinal: Bool { cause != .scaledDown }
}

/// A member that is no more.
package struct Departed: Hashable, Sendable, Codable {
    package var member: String
    /// Lower-case hexadecimal; nil when the cluster had never added it.
    package var id: String?
    package var wasVoter: Bool
    package var cause: Departure.Cause
    package var at: Timestamp

    package init(
        member: String,
        id: String?,
        wasVoter: Bool,
        cause: Departure.Cause,
        at: Timestamp
    ) {
        self.member = member
        self.id = id
        self.wasVoter = wasVoter
        self.cause = cause
        self.at = at
    }
}
