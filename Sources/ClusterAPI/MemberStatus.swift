/// One member as the operator last saw it.
package struct MemberStatus: Hashable, Sendable, Codable {
    package enum Role: String, CaseIterable, Hashable, Sendable, Codable {
        case leader = "Leader"
        case follower = "Follower"
        case learner = "Learner"
        /// It is not known: the member has not answered.
        case unknown = "Unknown"
    }

    package enum Health: String, CaseIterable, Hashable, Sendable, Codable {
        case healthy = "Healthy"
        case starting = "Starting"
        case unhealthy = "Unhealthy"
        case stopped = "Stopped"
        case unknown = "Unknown"
    }

    package var name: String
    /// etcd's member id as lower-case hexadecimal, nil while unknown.
    package var id: String?
    package var role: Role
    package var health: Health
    /// Why the health is what it is; empty when there is nothing to say.
    package var message: String
    /// When `health` took its present value.
    package var since: Timestamp
    package var version: String?
    package var dbSize: Int64?
    package var revision: Int64?
    /// Which of the cluster's port pairs the member uses.
    package var slot: Int
    package var restarts: Int
    package var processID: Int32?
    package var clientURL: String
    package var peerURL: String

    package init(
        name: String,
        id: String? = nil,
        role: Role = .unknown,
        health: Health = .unknown,
        message: String = "",
        since: Timestamp,
        version: String? = nil,
        dbSize: Int64? = nil,
        revision: Int64? = nil,
        slot: Int,
        restarts: Int = 0,
        processID: Int32? = nil,
        clientURL: String,
        peerURL: String
    ) {
        self.name = name
        self.id = id
        self.role = role
        self.health = health
        self.message = message
        self.since = since
        self.version = version
        self.dbSize = dbSize
        self.revision = revision
        self.slot = slot
        self.restarts = restarts
        self.processID = processID
        self.clientURL = clientURL
        self.peerURL = peerURL
    }
}
