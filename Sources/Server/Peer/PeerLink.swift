import EtcdProto
import NIOCore
import Raft

/// The way to one peer: two streams that the peer has opened to us, and posts when they are
/// missing. What does not fit into a bounded queue is dropped and reported, as Raft expects.
///
/// Appends use the msgApp stream, else the message stream; everything else the message stream;
/// and without a stream each message is a post.
final class PeerLink {
    let id: MemberID
    private(set) var addresses: PeerAddresses
    /// Known from its own headers only, not (yet) from the membership: it gets answers by post.
    let isRemote: Bool
    private var writers: [StreamKind: StreamWriter] = [:]
    private(set) var readers: [StreamReader] = []
    private let poster: Poster
    private var wasConnected = false
    private let events: PeerEvents

    init(
        id: MemberID,
        addresses: PeerAddresses,
        isRemote: Bool,
        context: PeerContext,
        events: PeerEvents
    ) {
        self.id = id
        self.addresses = addresses
        self.isRemote = isRemote
        self.events = events
        poster = Poster(
            peer: id,
            addresses: addresses,
            context: context,
            events.unreachable
        )
        if !isRemote {
            readers = StreamKind.allCases.map {
                StreamReader($0, peer: id, addresses: addresses, context: context) { [weak self] in
                    self?.connectionMayHaveChanged()
                }
            }
        }
    }

    func start() {
        for reader in readers { reader.dial() }
    }

    func stop() {
        for reader in readers { reader.stop() }
        for kind in StreamKind.allCases { writers[kind]?.close() }
        writers = [:]
        poster.stop()
    }

    func send(_ message: Message) {
        let isSent: Bool
        if message.kind == .append, let writer = writers[.msgApp] {
            isSent = writer.write(message)
        } else if let writer = writers[.message] {
            isSent = writer.write(message)
        } else {
            isSent = poster.post(message)
        }
        if !isSent { events.unreachable(id) }
    }

    /// Sends what `send` has gathered: one write for each stream.
    func flush() {
        for kind in StreamKind.allCases { writers[kind]?.flush() }
    }

    /// The peer has opened a stream: it replaces an older one of its kind.
    func attach(_ writer: StreamWriter) {
        writers[writer.kind]?.close()
        writers[writer.kind] = writer
        // The peer lives, so there is no sense in waiting before the next dial.
        for reader in readers { reader.hurry() }
    }

    func detach(_ writer: StreamWriter) {
        guard writers[writer.kind] === writer else { return }
        writers[writer.kind] = nil
        events.unreachable(id)
    }

    /// Keeps silent streams alive and closes those that are stuck.
    func beat() {
        for kind in StreamKind.allCases { writers[kind]?.beat() }
        for reader in readers { reader.checkSilence() }
    }

    private func connectionMayHaveChanged() {
        guard isConnected != wasConnected else { return }
        wasConnected = isConnected
        events.connection(id, isConnected)
    }

    /// The peer is there: at least one stream from it is open.
    var isConnected: Bool {
        readers.contains { $0.isOpen }
    }
}

/// What the transport tells the member about its peers.
struct PeerEvents {
    /// Messages to the peer do not arrive.
    let unreachable: (MemberID) -> Void
    /// The streams from the peer: true with the first that opens, false when none is left.
    let connection: (MemberID, Bool) -> Void
}
