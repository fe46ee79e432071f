import NIOCore

/// An HTTP/2 session on a channel: reads feed the session, what it wants to send is written in one
/// flush per burst of reads, and both stop while the other side does not keep up.
///
/// Everything happens on the channel's event loop.
class HTTP2Connection: HTTP2Session {
    /// Octets collected for one write.
    private static let writeSize = 64 * 1024
    /// Answers and acknowledgements that may pile up for a peer that does not read, in frames,
    /// before we stop reading from it.
    private static let maxQueuedFrames = 1000
    /// How long a peer has to take what is left and to notice that we have hung up.
    private static let lingerTime = TimeAmount.seconds(3)

    final let eventLoop: any EventLoop
    final let flushQueue: FlushQueue
    private(set) final var context: ChannelHandlerContext?
    private(set) final var lastRead: NIODeadline
    private final var isReceiving = false
    private final var isPumping = false
    private final var isFlushQueued = false
    private final var isReadHeld = false
    private final var hasHungUp = false
    /// Set once nothing more is read: the rest is sent, then the channel closed.
    private(set) final var isEnding = false

    init(eventLoop: any EventLoop, flushQueue: FlushQueue?, settings: HTTP2Session.Settings) {
        self.eventLoop = eventLoop
        self.flushQueue = flushQueue ?? FlushQueue(eventLoop: eventLoop)
        self.lastRead = .now()
        super.init(settings)
    }

    // MARK: For subclasses

    /// The channel is up; called once.
    func started() {}

    /// The channel is gone, or given up; called once.
    func stopped(because reason: String) {}

    /// A burst has been handled or sent: the place for calls into the application.
    func settled() {}

    /// Frames have been submitted: they leave at the end of the read, or of the loop's turn.
    final func sendSoon() {
        guard !isReceiving, !isPumping, !isFlushQueued, context != nil else { return }
        isFlushQueued = true
        flushQueue.add(self)
    }

    /// Sends what is queued, GOAWAY included, and closes; what still arrives is ignored.
    final func end(because reason: String) {
        guard !isEnding else { return }
        isEnding = true
        stopped(because: reason)
        guard let channel = context?.channel else { return }
        sendSoon()
        eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) {
            channel.close(mode: .all, promise: nil)
        }
    }

    /// Says why with GOAWAY, then ends.
    final func cut(_ code: HTTP2ErrorCode, debug: StaticString = "", because reason: String) {
        guard !isEnding else { return }
        goaway(code, debug: debug)
        end(because: reason)
    }

    // MARK: From the channel

    final func start(_ context: ChannelHandlerContext) {
        guard self.context == nil, !isEnding else { return }
        self.context = context
        lastRead = .now()
        started()
        pump()
    }

    final func channelRead(_ bytes: ByteBuffer) {
        guard !isEnding else { return }
        lastRead = .now()
        isReceiving = true
        do {
            try receive(bytes)
            isReceiving = false
        } catch {
            isReceiving = false
            cut(error.code, because: error.reason)
        }
    }

    final func readHeld(_ context: ChannelHandlerContext) -> Bool {
        isReadHeld =
            !isEnding && !context.channel.isWritable && queuedFrames > Self.maxQueuedFrames
        return isReadHeld
    }

    final func channelGone(because reason: String) {
        context = nil
        guard !isEnding else { return }
        isEnding = true
        stopped(because: reason)
    }

    /// Collects, writes and flushes all that the peer and the socket have room for.
    final func pump() {
        isFlushQueued = false
        guard let context, !isReceiving, !isPumping else { return }
        isPumping = true
        var hasMore = true
        do {
            repeat {
                var hasWritten = false
                while hasMore, context.channel.isWritable {
                    outbound.clear()
                    hasMore = try collect(limit: Self.writeSize)
                    if outbound.readableBytes > 0 {
                        context.write(NIOAny(outbound), promise: nil)
                        hasWritten = true
                    }
                }
                guard hasWritten else { break }
                context.flush()
                // The socket may have taken all of it at once. That the channel is writable again
                // was told during the flush then, where it could not be heard.
            } while hasMore && self.context != nil
            isPumping = false
        } catch {
            isPumping = false
            end(because: error.reason)
            context.close(mode: .all, promise: nil)
            return
        }
        if outbound.capacity > Self.writeSize { outbound = ByteBuffer() }
        let wasEnding = isEnding
        settled()
        if isReadHeld, !readHeld(context) { context.read() }
        if !isAlive || (wasEnding && !hasMore) { hangUp(context) }
    }

    /// Closes our direction and leaves the other to the peer for a while: closing both at once
    /// while its data are unread would destroy what we said last.
    private func hangUp(_ context: ChannelHandlerContext) {
        end(because: "the connection was shut down")
        guard !hasHungUp else { return }
        hasHungUp = true
        context.close(mode: .output, promise: nil)
    }
}
