package import EtcdProto
package import NIOHTTP1

/// Decides whether a peer may read a stream from us, with etcd's order of checks, status codes and
/// words: the dialling member acts on both.
package enum StreamHandshake {
    package enum Verdict: Hashable, Sendable {
        case open(StreamKind, peer: MemberID)
        case refuse(status: Int, body: String)
        /// The sender is no member here, but says where it listens.
        case stranger(MemberID, urls: [String])
    }

    /// `isRemoved` and `isMember` ask the membership as applied here.
    package static func judge(
        _ head: HTTPRequestHead,
        identity: PeerIdentity,
        isRemoved: (MemberID) -> Bool,
        isMember: (MemberID) -> Bool
    ) -> Verdict {
        guard head.method == .GET else {
            return .refuse(status: 405, body: "Method Not Allowed")
        }
        if let problem = identity.incompatibility(of: head.headers) {
            return .refuse(status: 412, body: problem)
        }
        let path = head.uri.prefix { $0 != "?" }
        guard let slash = path.lastIndex(of: "/"),
            let kind = StreamKind.allCases.first(where: { $0.path == path[..<slash] })
        else { return .refuse(status: 404, body: "invalid path") }
        guard let peer = MemberID(hex: path[path.index(after: slash)...]) else {
            return .refuse(status: 404, body: "invalid from")
        }
        if isRemoved(peer) { return .refuse(status: 410, body: "removed member") }
        guard isMember(peer) else { return .stranger(peer, urls: urls(of: head.headers)) }
        guard head.headers.first(name: "X-Raft-To") == identity.memberID.description else {
            return .refuse(status: 412, body: "to field mismatch")
        }
        return .open(kind, peer: peer)
    }

    /// The peer URLs that a sender states.
    package static func urls(of headers: HTTPHeaders) -> [String] {
        headers.first(name: "X-PeerURLs").map { $0.split(separator: ",").map(String.init) } ?? []
    }
}
