import NIOCore

/// The server's side of gRPC on one HTTP/2 connection: makes calls of streams.
final class ServerConnection: HTTP2Connection {
    let configuration: GRPCServerConfiguration
    private(set) var remoteAddress: SocketAddress?
    private var request: RequestHead
    private var calls = SlotTable<ServerCall>()
    private var heldBytes = 0
    private var unsentBytes = 0
    /// Unary calls that wait until the client has taken earlier answers. Some may have ended
    /// meanwhile: they have let go of their requests, and half of them are the most.
    private var waiting = CircularBuffer<UnaryCall>(initialCapacity: 0)
    private var endedWaiting = 0
    private var writable: [ServerStream] = []
    private var deadlines = DeadlineTimer()
    private var liveness: ServerLiveness
    /// Cancelled when the connection stops; a weak reference would slow down every use of `self`.
    private var checkTask: Scheduled<Void>?
    private var pings: PingPolicy
    private var emptyFrames: TokenBucket

    init(
        eventLoop: any EventLoop,
        flushQueue: FlushQueue?,
        configuration: GRPCServerConfiguration
    ) {
        self.configuration = configuration
        request = RequestHead(configuration)
        liveness = ServerLiveness(configuration.keepalive, now: .now())
        pings = PingPolicy(configuration.keepalive)
        emptyFrames = TokenBucket(
            burst: configuration.limits.emptyFrameBurst,
            perSecond: configuration.limits.emptyFramesPerSecond,
            now: .now()
        )
        super.init(
            eventLoop: eventLoop,
            flushQueue: flushQueue,
            settings: HTTP2Session.Settings(
                isServer: true,
                maxConcurrentStreams: configuration.maxConcurrentStreams,
                maxHeaderListSize: configuration.maxHeaderListSize,
                streamWindow: configuration.streamWindow,
                connectionWindow: configuration.connectionWindow,
                resetBurst: configuration.limits.resetBurst,
                resetsPerSecond: configuration.limits.resetsPerSecond
            )
        )
    }

    // MARK: Life

    override func started() {
        remoteAddress = context?.channel.remoteAddress
        scheduleCheck(after: liveness.firstCheck)
    }

    override func stopped(because reason: String) {
        deadlines.cancel()
        checkTask?.cancel()
        checkTask = nil
        waiting.removeAll()
        endedWaiting = 0
        for call in calls.removeAll() { call.cancel() }
        heldBytes = 0
        unsentBytes = 0
    }

    /// Tells the client to open no more calls here, lets the open ones end, then closes.
    func shutdownGracefully() {
        guard !isEnding, liveness.beginShutdown(at: .now()) else { return }
        checkTask?.cancel()
        announceShutdown()
        ping()
        sendSoon()
        scheduleCheck(after: configuration.keepalive.shutdownGrace)
    }

    private func scheduleCheck(after time: TimeAmount) {
        checkTask = eventLoop.assumeIsolated().scheduleTask(in: time) { self.check() }
    }

    private func check() {
        guard !isEnding else { return }
        switch liveness.check(lastRead: lastRead, now: .now()) {
        case .again(let time): scheduleCheck(after: time)
        case .ping(let time):
            ping()
            sendSoon()
            scheduleCheck(after: time)
        case .finishShutdown:
            finishShutdown()
            // Calls may go on for long: their client is still watched.
            check()
        case .dead(let reason): end(because: reason)
        }
    }

    private func finishShutdown() {
        guard liveness.finishShutdown() else { return }
        goaway(.noError)
        sendSoon()
    }

    override func settled() {
        if liveness.isShutDown, calls.count == 0 { end(because: "the server is shutting down") }
        while !writable.isEmpty {
            let streams = writable
            writable.removeAll()
            for stream in streams where !stream.isOver { stream.onWritable?() }
        }
        while !waiting.isEmpty, unsentBytes <= configuration.maxUnsentBytes / 2 {
            let call = waiting.removeFirst()
            if call.isOver { endedWaiting -= 1 }
            call.run()
        }
    }

    /// A call that waits has ended.
    func stopsWaiting() {
        endedWaiting += 1
        guard 2 * endedWaiting > waiting.count else { return }
        waiting.removeAll { $0.isOver }
        endedWaiting = 0
    }

    /// Octets of requests that wait for the client to take earlier answers.
    var waitingBytes: Int { waiting.reduce(0) { $0 + $1.request.readableBytes } }

    // MARK: Requests

    override func headersBegan(_ stream: Int32) { request.begin(stream) }

    override func header(name: RawSpan, value: RawSpan) {
        guard !isEnding else { return }
        request.add(name: name, value: value)
        if request.isFarTooLarge {
            cut(.enhanceYourCalm, because: "the client sends too many header fields")
        }
    }

    override func headersEnded(_ stream: Int32, slot: Int?, isFirst: Bool, endsStream: Bool) {
        guard !isEnding else { return }
        guard isFirst else {
            if endsStream { streamEnded(stream, slot: slot) }
            return
        }
        guard !request.isTooLarge else { return reset(stream, .frameSizeError) }
        if let refusal = request.finish() {
            return submitResponse(stream, refusal, slot: nil)
        }
        guard let call = open(request) else { return }
        if endsStream { call.receivedEnd() }
    }

    /// Makes a call of a request that can be served; nil if there are too many.
    private func open(_ head: RequestHead) -> ServerCall? {
        guard let method = head.method else { return nil }
        let call: ServerCall
        switch method {
        case .unary(let handler): call = UnaryCall(head, self, handler)
        case .streaming: call = ServerStream(head, self)
        }
        guard hold(call.ownSize) else {
            let headers = HeaderList.onlyTrailers(Self.heldTooMuch, [:])
            submitResponse(call.id, headers, slot: nil)
            return nil
        }
        call.slot = calls.insert(call)
        bind(call.id, slot: call.slot)
        if let deadline = call.deadline { watch(deadline) }
        if case .streaming(let handler) = method, let stream = call as? ServerStream {
            handler(stream)
        }
        return call
    }

    override func dataArrived(_ stream: Int32, slot: Int?, _ chunk: ByteBuffer) {
        consumeConnection(chunk.readableBytes)
        guard let slot, let call = calls[slot] else { return }
        call.received(chunk)
    }

    override func streamEnded(_ stream: Int32, slot: Int?) {
        guard let slot, let call = calls[slot] else { return }
        call.receivedEnd()
    }

    override func streamClosed(_ stream: Int32, slot: Int?, code: UInt32) {
        guard let slot, let call = calls.remove(slot) else { return }
        unsentBytes -= call.queue.bytes
        call.queue.removeAll()
        call.cancel()
        release(call.heldBytes + call.ownSize)
    }

    /// Runs a unary call whose request is whole, unless the client leaves earlier answers unread.
    func dispatch(_ call: UnaryCall) {
        if unsentBytes > configuration.maxUnsentBytes || !waiting.isEmpty {
            call.isWaiting = true
            waiting.append(call)
        } else {
            call.run()
        }
    }

    // MARK: Answers, as the session asks for them

    override func outgoing(slot: Int) -> Outgoing {
        guard let call = calls[slot] else { return Outgoing(available: 0, ends: false) }
        return Outgoing(available: call.queue.bytes, ends: call.trailers != nil)
    }

    override func trailers(slot: Int) -> HeaderList? { calls[slot]?.trailers }

    override func write(slot: Int, count: Int) {
        guard let call = calls[slot] else { fatalError("a closed stream asked for data") }
        call.queue.write(count, to: &outbound)
        pings.noteProgress()
        unsentBytes -= count
        call.sent()
    }

    override func endSent(_ stream: Int32) {
        // A client that has not ended its side need not go on.
        if isRemoteOpen(stream) { reset(stream, .noError) }
    }

    // MARK: Connection frames

    override func controlFrame(_ frame: ControlFrame) {
        switch frame {
        case .settings:
            liveness.isGreeted = true
            countEmptyFrame()
        case .emptyData:
            countEmptyFrame()
        case .ping:
            if !pings.accept(at: .now(), hasCalls: calls.count > 0) {
                let reason = "the client pings too often"
                cut(.enhanceYourCalm, debug: "too_many_pings", because: reason)
            }
        case .pingAck:
            if liveness.isShuttingDown { finishShutdown() }
        case .goaway, .windowUpdate:
            break
        }
    }

    private func countEmptyFrame() {
        if !emptyFrames.take(at: .now()) {
            cut(.enhanceYourCalm, because: "the client sends too many frames without content")
        }
    }
}

// MARK: - Answers

extension ServerConnection {
    static let heldTooMuch = GRPCStatus(
        .resourceExhausted,
        "grpc: too much unread data on this connection"
    )

    /// Counts octets kept for calls of this connection; false if that would be too many.
    func hold(_ count: Int) -> Bool {
        guard heldBytes + count <= configuration.maxHeldBytes else { return false }
        heldBytes += count
        return true
    }

    func release(_ count: Int) { heldBytes -= count }

    func enqueue(_ message: ByteBuffer, _ call: ServerCall) {
        unsentBytes += message.readableBytes + 5
        call.queue.append(message)
    }

    func sendHeaders(_ call: ServerCall) {
        guard !call.hasSentHeaders, !isEnding else { return }
        call.hasSentHeaders = true
        pings.noteProgress()
        submitResponse(call.id, HeaderList.okHeaders, slot: call.slot)
        sendSoon()
    }

    /// Tells the session that the call has something to send.
    func resumeSending(_ call: ServerCall) {
        guard !isEnding else { return }
        if !call.hasSentHeaders { return sendHeaders(call) }
        resume(call.id)
        pings.noteProgress()
        sendSoon()
    }

    /// Ends the call: its queued messages, then the trailers; or these alone, if there is nothing.
    func end(_ call: ServerCall, _ trailers: HeaderList) {
        call.trailers = trailers
        guard !isEnding else { return }
        if call.hasSentHeaders || call.queue.bytes > 0 { return resumeSending(call) }
        call.hasSentHeaders = true
        pings.noteProgress()
        var headers = HeaderList.okHeaders
        headers.add(trailers)
        submitResponse(call.id, headers, slot: nil)
        sendSoon()
    }

    func notifyWritable(_ stream: ServerStream) {
        if writable.last !== stream { writable.append(stream) }
    }
}

// MARK: - Deadlines

extension ServerConnection {
    private func watch(_ deadline: NIODeadline) {
        guard let wait = deadlines.add(deadline, now: .now()) else { return }
        deadlines.task = eventLoop.assumeIsolated().scheduleTask(in: wait) { self.expire() }
    }

    private func expire() {
        let now = NIODeadline.now()
        deadlines.fired()
        for call in calls.all {
            guard let deadline = call.deadline, !call.isOver else { continue }
            if deadline <= now {
                call.abort(GRPCStatus(.deadlineExceeded, "context deadline exceeded"))
            } else {
                watch(deadline)
            }
        }
    }
}
