import EtcdProto
import Logging
import Member
import NIOCore
import NIOHTTP1
import Raft

/// All links to peers: follows the membership, routes messages, keeps the streams alive.
final class PeerTransport {
    private let context: PeerContext
    private let events: PeerEvents
    /// For what members ask each other besides Raft.
    let client: PeerClient
    private var links: [MemberID: PeerLink] = [:]
    private var nextBeat: Scheduled<Void>?

    /// Strangers of this cluster that said where they listen; etcd keeps them without a bound.
    private static let maxRemotes = 64

    init(context: PeerContext, events: PeerEvents) {
        self.context = context
        self.events = events
        client = PeerClient(eventLoop: context.eventLoop)
    }

    var identity: PeerIdentity { context.identity }

    /// Begins to keep the streams alive.
    func start() {
        nextBeat = context.eventLoop.assumeIsolated().scheduleTask(
            in: PeerContext.heartbeatInterval
        ) {
            for link in self.links.values { link.beat() }
            self.start()
        }
    }

    func stop() {
        nextBeat?.cancel()
        for link in links.values { link.stop() }
        links = [:]
    }

    /// Makes the links those of the members. A remote is kept until it is a member or removed.
    func update(_ membership: Membership) {
        let members = membership.members.filter { $0.id != identity.memberID }
        for (id, link) in links {
            let isMember = members.contains { $0.id == id && $0.peerURLs == link.addresses.urls }
            let stays = link.isRemote ? !members.contains { $0.id == id } : isMember
            if !stays || membership.isRemoved(id) {
                link.stop()
                links[id] = nil
            }
        }
        for member in members where links[member.id] == nil {
            add(member.id, member.peerURLs, isRemote: false)
        }
    }

    /// Remembers where a stranger of this cluster can be answered: a member that joined while this
    /// one was away, or whose addition it has not applied yet.
    func addRemote(_ id: MemberID, urls: [String]) {
        let remotes = links.values.count { $0.isRemote }
        guard links[id] == nil, id != identity.memberID, remotes < Self.maxRemotes else { return }
        add(id, urls, isRemote: true)
    }

    private func add(_ id: MemberID, _ urls: [String], isRemote: Bool) {
        let link = PeerLink(
            id: id,
            addresses: PeerAddresses(urls: urls),
            isRemote: isRemote,
            context: context,
            events: events
        )
        links[id] = link
        link.start()
    }

    func send(_ messages: [Message]) {
        var touched: [PeerLink] = []
        for message in messages {
            guard let link = links[MemberID(rawValue: message.to.rawValue)] else { continue }
            link.send(message)
            if !touched.contains(where: { $0 === link }) { touched.append(link) }
        }
        for link in touched { link.flush() }
    }

    /// The link to a member; nil for strangers and remotes.
    func link(to id: MemberID) -> PeerLink? {
        links[id].flatMap { $0.isRemote ? nil : $0 }
    }

    /// The members with an open stream to this one.
    var connected: [MemberID] {
        links.values.filter(\.isConnected).map(\.id).sorted()
    }

    /// Asks a member's `/version`; nil when it does not answer.
    func askVersion(of id: MemberID, _ done: @escaping (ServerVersion?) -> Void) {
        guard let place = links[id]?.addresses.current else { return done(nil) }
        client.ask(PeerRequest(path: "/version"), at: place) {
            guard case .success(let answer) = $0, answer.status == .ok else { return done(nil) }
            done(VersionDocument.serverVersion(in: answer.body))
        }
    }
}
