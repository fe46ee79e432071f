package import Planning

/// What the operator says to members, over etcd's API. Members are named by their client URLs.
///
/// Nothing is repeated here: a mutation whose answer is lost may have happened, and the next look
/// at the member list tells.
package protocol Members: Sendable {
    /// Asks members how they are, all at once. The answers come in the order of the URLs.
    func look(at urls: [String]) async -> [MemberLook]

    /// The members as a quorum confirms them.
    func list(from url: String) async throws(MemberError) -> MemberList

    /// Adds a member without a vote. Returns its id.
    func addLearner(peerURL: String, through url: String) async throws(MemberError) -> String

    func remove(_ id: String, through url: String) async throws(MemberError)

    func promote(_ id: String, through url: String) async throws(MemberError)

    /// - Parameter leader: The member that leads.
    func moveLeader(to id: String, from leader: String) async throws(MemberError)

    func hash(
        at revision: Int64,
        of url: String
    ) async throws(MemberError) -> HashComparison.Answer

    /// Drops history before a revision, and returns when that is done.
    func compact(to revision: Int64, through url: String) async throws(MemberError)

    func defragment(_ url: String) async throws(MemberError)

    func disarm(_ alarm: Alarm, through url: String) async throws(MemberError)

    /// Has the cluster agree on something that changes nothing. What it agreed on before is on the
    /// disks of a quorum then: how far a log is decided is written with its next entry (etcd's
    /// raft, `MustSync`).
    func settle(through url: String) async throws(MemberError)

    /// Ends all connections.
    func close() async
}

/// What a member answered about itself and its cluster.
package struct MemberLook: Hashable, Sendable {
    package var probe: Probe
    /// As a quorum confirmed it to this member; nil when none did.
    package var list: MemberList?
    package var alarms: [Alarm]

    package init(probe: Probe, list: MemberList? = nil, alarms: [Alarm] = []) {
        self.probe = probe
        self.list = list
        self.alarms = alarms
    }
}

/// Why a request to a member had no success.
package struct MemberError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// There is no such member.
        case notFound
        /// The cluster will do it, but not now.
        case notYet
        /// It was asked and nobody knows whether it was done.
        case unclear
        /// It was done by somebody before.
        case alreadyDone
        case refused
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
