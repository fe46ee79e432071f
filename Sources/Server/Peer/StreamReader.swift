import EtcdProto
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Raft

/// Our end of a stream that we read: it dials the peer, again and again, for as long as the peer
/// is a member.
final class StreamReader {
    let kind: StreamKind
    private let peer: MemberID
    private let addresses: PeerAddresses
    private let context: PeerContext
    private var channel: (any Channel)?
    private var isDialling = false
    private var isStopped = false
    private var failures = 0
    private var nextDial: Scheduled<Void>?
    private(set) var isOpen = false {
        didSet { if isOpen != oldValue { onChange() } }
    }
    private let onChange: () -> Void
    private var lastRead = NIODeadline.now()
    /// The last failure logged: a peer that is away is mentioned once.
    private var lastReason = ""

    init(
        _ kind: StreamKind,
        peer: MemberID,
        addresses: PeerAddresses,
        context: PeerContext,
        onChange: @escaping () -> Void
    ) {
        self.onChange = onChange
        self.kind = kind
        self.peer = peer
        self.addresses = addresses
        self.context = context
    }

    func dial() {
        guard !isStopped, !isDialling, channel == nil, let place = addresses.current else { return }
        nextDial?.cancel()
        nextDial = nil
        isDialling = true
        let reader = NIOLoopBound(self, eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .connectTimeout(PeerContext.dialTimeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(StreamReaderHandler(reader.value, at: place))
                }
            }
            .connect(host: place.host, port: place.port)
            .assumeIsolated()
            .whenComplete { result in
                self.isDialling = false
                switch result {
                case .success(let channel):
                    if self.isStopped {
                        channel.close(promise: nil)
                    } else {
                        self.channel = channel
                    }
                case .failure(let error):
                    self.addresses.failed(place)
                    self.retry(because: "\(error)")
                }
            }
    }

    /// Dials at once instead of when the pause is over.
    func hurry() {
        failures = 0
        dial()
    }

    func stop() {
        isStopped = true
        nextDial?.cancel()
        channel?.close(promise: nil)
        channel = nil
    }

    /// Closes a stream on which nothing, not even a heartbeat, has come for etcd's read timeout.
    func checkSilence() {
        guard let channel, NIODeadline.now() - lastRead > PeerContext.readTimeout else { return }
        channel.close(promise: nil)
    }

    /// What goes out once connected.
    func request(at place: PeerAddresses.Place) -> HTTPRequestHead {
        var headers = context.identity.headers(to: peer)
        headers.add(name: "Host", value: place.authority)
        return HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "\(kind.path)/\(context.identity.memberID)",
            headers: headers
        )
    }

    var decoder: StreamDecoder {
        StreamDecoder(kind, local: context.identity.memberID, remote: peer)
    }

    func opened() {
        isOpen = true
        failures = 0
        lastReason = ""
        lastRead = .now()
        context.log("established a stream from a peer", peer: peer, ["stream": "\(kind)"])
    }

    func received(_ message: Message) {
        guard !message.isLinkHeartbeat else { return }
        guard MessageFilter.accepts(message, local: context.identity.memberID) else {
            context.log("dropped a message that makes no sense", peer: peer)
            return
        }
        context.receive(message)
    }

    func read() {
        lastRead = .now()
    }

    /// The peer says with status 410 that this member was removed.
    func removed() {
        isStopped = true
        context.onRemoved(peer)
    }

    func closed(because reason: String) {
        channel = nil
        isOpen = false
        retry(because: reason)
    }

    /// Pauses for etcd's 100 ms, then longer and longer up to a second.
    private func retry(because reason: String) {
        guard !isStopped else { return }
        if reason != lastReason {
            lastReason = reason
            context.log(
                "no stream from a peer; dialling again",
                peer: peer,
                ["stream": "\(kind)", "reason": "\(reason)"]
            )
        }
        let pause = min(100 << min(failures / 4, 4), 1_000)
        failures += 1
        nextDial = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Int64(pause))
        ) {
            self.dial()
        }
    }
}
