package import EtcdProto
import Keyspace

/// Who belongs to the cluster, who was removed from it, and the version on which they agreed: as of
/// the last applied entry.
package struct Membership: Hashable, Sendable {
    /// In ascending order of their ids.
    package private(set) var members: [MemberInfo] = []
    /// In ascending order; an id never comes back.
    package private(set) var removed: [MemberID] = []
    /// Nil before the first leader has decided.
    package private(set) var clusterVersion: ServerVersion?
    /// Nil when none was ever asked for.
    package private(set) var downgrade: Downgrade?

    package init(members: [MemberInfo] = []) {
        self.members = members.sorted { $0.id < $1.id }
    }

    package func member(_ id: MemberID) -> MemberInfo? {
        members.first { $0.id == id }
    }

    package func isRemoved(_ id: MemberID) -> Bool {
        removed.contains(id)
    }

    package var voters: [MemberInfo] {
        members.filter { !$0.isLearner }
    }

    package var learners: [MemberInfo] {
        members.filter(\.isLearner)
    }

    /// Whether, with one more voter that has not started, a majority would have started. A cluster
    /// of one may always grow: that is how one is rebuilt from a single survivor.
    package var canAddVoter: Bool {
        let started = voters.count { $0.hasStarted }
        if started == 1 && voters.count == 1 { return true }
        return started >= (voters.count + 1) / 2 + 1
    }

    /// Whether those that remain without this voter have a majority of started members.
    package func canRemoveVoter(_ id: MemberID) -> Bool {
        let rest = voters.filter { $0.id != id }
        return rest.count { $0.hasStarted } >= rest.count / 2 + 1
    }

    /// Whether, with a learner as one more voter that has started, a majority would have started.
    package var canPromote: Bool {
        voters.count { $0.hasStarted } + 1 >= (voters.count + 1) / 2 + 1
    }
}

// What the log does to it. The caller has validated the change.
extension Membership {
    mutating func apply(_ change: MembershipChange) {
        switch change {
        case .add(let member):
            members.append(member)
            members.sort { $0.id < $1.id }
        case .promote(let id):
            edit(id) { $0.isLearner = false }
        case .remove(let id):
            members.removeAll { $0.id == id }
            removed.append(id)
            removed.sort()
        case .update(let update):
            edit(update.id) { $0.peerURLs = update.peerURLs }
        }
    }

    /// Publishes what a member says about itself; false when there is no such member.
    mutating func setAttributes(_ attributes: MemberAttributes, of id: MemberID) -> Bool {
        edit(id) {
            $0.name = attributes.name
            $0.clientURLs = attributes.clientURLs
        }
    }

    mutating func setClusterVersion(_ version: ServerVersion) {
        clusterVersion = version
    }

    mutating func setDowngrade(_ downgrade: Downgrade) {
        self.downgrade = downgrade
    }

    mutating func markRemoved(_ id: MemberID) {
        removed.append(id)
        removed.sort()
    }

    @discardableResult
    private mutating func edit(_ id: MemberID, _ body: (inout MemberInfo) -> Void) -> Bool {
        guard let position = members.firstIndex(where: { $0.id == id }) else { return false }
        body(&members[position])
        return true
    }
}
