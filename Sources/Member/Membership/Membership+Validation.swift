import EtcdProto
package import Keyspace

extension Membership {
    /// Why the change cannot be made, with the error that etcd's clients see; nil when it can.
    /// Every member asks this when the change is applied, of the same state, and so must answer
    /// alike: what the answer depends on besides the state (`maxLearners`) must be set alike on all
    /// of them.
    package func problem(with change: MembershipChange, maxLearners: Int) -> EtcdError? {
        if isRemoved(change.member) { return .memberNotFound }
        switch change {
        case .add(let new):
            if member(new.id) != nil { return .memberExist }
            if hasPeerURL(in: new.peerURLs) { return .peerURLExist }
            if new.isLearner && learners.count >= maxLearners { return .tooManyLearners }
        case .promote(let id):
            guard let member = member(id) else { return .memberNotFound }
            if !member.isLearner { return .memberNotLearner }
        case .remove(let id):
            guard let member = member(id) else { return .memberNotFound }
            // etcd lets this into its log and dies of it; a group without voters is impossible.
            if !member.isLearner && voters.count == 1 { return .memberNotEnoughStarted }
        case .update(let update):
            if member(update.id) == nil { return .memberNotFound }
            if hasPeerURL(in: update.peerURLs, besides: update.id) { return .peerURLExist }
        }
        return nil
    }

    private func hasPeerURL(in urls: [String], besides id: MemberID? = nil) -> Bool {
        members.contains { member in
            member.id != id && member.peerURLs.contains { urls.contains($0) }
        }
    }
}
