package import EtcdProto
package import Raft

/// One member as the cluster knows it: what the `members` bucket and conf changes hold.
///
/// As JSON, in Go's style and field order (a worked example):
/// `{"id":9372538179322589801,"peerURLs":["http://10.0.0.1:2380"],"isLearner":true,`
/// `"name":"a","clientURLs":["http://10.0.0.1:2379"]}`, where everything after `peerURLs` is left
/// out when it is empty or false.
package struct MemberInfo: Hashable, Sendable {
    package var id: MemberID
    package var peerURLs: [String]
    package var isLearner: Bool
    /// Empty until the member has started for the first time.
    package var name: String
    package var clientURLs: [String]

    package init(
        id: MemberID,
        peerURLs: [String],
        isLearner: Bool = false,
        name: String = "",
        clientURLs: [String] = []
    ) {
        self.id = id
        self.peerURLs = peerURLs
        self.isLearner = isLearner
        self.name = name
        self.clientURLs = clientURLs
    }

    /// A member that has published its name has started at least once.
    package var hasStarted: Bool {
        !name.isEmpty
    }
}

extension MemberID {
    /// The member as Raft names it.
    package var node: NodeID {
        NodeID(rawValue: rawValue)
    }
}

extension NodeID {
    /// The node as the cluster names it.
    package var member: MemberID {
        MemberID(rawValue: rawValue)
    }
}
