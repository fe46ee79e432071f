package import EtcdProto
import Raft

/// A change of who belongs to the cluster, as a conf change of the log carries it.
package enum MembershipChange: Hashable, Sendable {
    /// A new voter or, with `isLearner`, a learner.
    case add(MemberInfo)
    /// A learner becomes a voter.
    case promote(MemberID)
    case remove(MemberID)
    /// The member gets other peer URLs (and nothing else of it changes).
    case update(MemberInfo)

    package var member: MemberID {
        switch self {
        case .add(let member), .update(let member): member.id
        case .promote(let id), .remove(let id): id
        }
    }
}

extension MembershipChange {
    /// The conf change to be proposed, with the context that etcd writes.
    func confChange(id: UInt64) -> ConfChange {
        switch self {
        case .add(let member):
            ConfChange(
                id: id,
                kind: member.isLearner ? .addLearnerNode : .addNode,
                node: member.id.node,
                context: MembershipChange.context(member, isPromote: false)
            )
        case .promote(let member):
            ConfChange(
                id: id,
                kind: .addNode,
                node: member.node,
                context: MembershipChange.context(
                    MemberInfo(id: member, peerURLs: []),
                    isPromote: true
                )
            )
        case .remove(let member):
            ConfChange(id: id, kind: .removeNode, node: member.node)
        case .update(let member):
            ConfChange(id: id, kind: .updateNode, node: member.id.node, context: member.json)
        }
    }

    /// Reads a conf change of the log; its context must be about the node that it names.
    init(_ change: ConfChange) throws(JSONError) {
        switch change.kind {
        case .removeNode:
            self = .remove(change.node.member)
        case .updateNode:
            self = .update(
                try MembershipChange.member(of: change, JSONValue(parsing: change.context))
            )
        case .addNode, .addLearnerNode:
            let context = try JSONValue(parsing: change.context)
            var member = try MembershipChange.member(of: change, context)
            if try context.flag("isPromote") {
                self = .promote(member.id)
            } else {
                member.isLearner = change.kind == .addLearnerNode
                self = .add(member)
            }
        }
    }

    private static func member(
        of change: ConfChange,
        _ context: JSONValue
    ) throws(JSONError) -> MemberInfo {
        let member = try MemberInfo(context)
        guard member.id.node == change.node else {
            throw JSONError(
                offset: 0,
                reason: "a change of node \(change.node) describes member \(member.id)"
            )
        }
        return member
    }

    private static func context(_ member: MemberInfo, isPromote: Bool) -> [UInt8] {
        var writer = JSONWriter()
        member.write(into: &writer)
        writer.field("isPromote", isPromote)
        return writer.finished()
    }
}
