import NIOCore

/// The client's side of gRPC on one HTTP/2 connection.
final class ClientConnection: HTTP2Connection {
    private let configuration: GRPCClientConfiguration
    private let authority: String
    private var calls = SlotTable<ClientCall>()
    private var numbers: [UInt64: ClientCall] = [:]
    private var keepalive: Keepalive?
    /// Why there can be no new calls, once there can be none.
    private(set) var refusal: String?
    /// Told once: nil when the server has greeted us, or why it did not.
    private var onReady: ((String?) -> Void)?
    /// Told once when there can be no new calls.
    private var onRefusal: (() -> Void)?

    init(
        eventLoop: any EventLoop,
        authority: String,
        configuration: GRPCClientConfiguration,
        onReady: @escaping (String?) -> Void,
        onRefusal: @escaping () -> Void
    ) {
        self.configuration = configuration
        self.authority = authority
        self.onReady = onReady
        self.onRefusal = onRefusal
        keepalive = configuration.keepaliveTime.map {
            Keepalive(time: $0, timeout: configuration.keepaliveTimeout)
        }
        super.init(
            eventLoop: eventLoop,
            flushQueue: nil,
            settings: HTTP2Session.Settings(
                isServer: false,
                maxConcurrentStreams: 0,
                maxHeaderListSize: configuration.maxHeaderListSize,
                streamWindow: configuration.streamWindow,
                connectionWindow: configuration.connectionWindow,
                resetBurst: 100_000,
                resetsPerSecond: 10_000
            )
        )
    }

    // MARK: Life

    override func started() {
        if let keepalive { scheduleCheck(after: keepalive.time) }
    }

    override func stopped(because reason: String) {
        refuse(because: reason)
        let ready = onReady
        onReady = nil
        ready?(reason)
        numbers.removeAll()
        for call in calls.removeAll() { call.finish(unavailable(reason)) }
    }

    /// No more calls; closes as soon as there are none.
    func shutdownGracefully() {
        refuse(because: "the connection was closed by this client")
        closeIfUnused()
    }

    private func refuse(because reason: String) {
        if refusal == nil { refusal = reason }
        let told = onRefusal
        onRefusal = nil
        told?()
    }

    private func closeIfUnused() {
        guard let refusal, calls.count == 0, !isEnding else { return }
        cut(.noError, because: refusal)
    }

    override func settled() { closeIfUnused() }

    private func unavailable(_ reason: String) -> GRPCStatus {
        GRPCStatus(.unavailable, "\(authority): \(reason)")
    }

    private func scheduleCheck(after time: TimeAmount) {
        eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in self?.check() }
    }

    private func check() {
        guard !isEnding, let verdict = keepalive?.check(lastRead: lastRead, now: .now()) else {
            return
        }
        switch verdict {
        case .again(let time): scheduleCheck(after: time)
        case .ping(let time):
            ping()
            sendSoon()
            scheduleCheck(after: time)
        case .dead: end(because: "the server does not answer pings")
        }
    }

    // MARK: Calls

    /// Opens the stream of a call. It hears of everything else through its events.
    func start(_ call: ClientCall) {
        if let refusal { return call.finish(unavailable(refusal)) }
        call.slot = calls.insert(call)
        guard let id = submitRequest(headers(call), slot: call.slot) else {
            calls.remove(call.slot)
            refuse(because: "all stream numbers of the connection are used up")
            return call.finish(unavailable("all stream numbers of the connection are used up"))
        }
        call.id = id
        numbers[call.number] = call
        if let timeout = call.timeout {
            call.deadline = eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
                self?.abandon(call, GRPCStatus(.deadlineExceeded, "context deadline exceeded"))
            }
        }
        sendSoon()
    }

    /// The call of a number, unless it is over.
    func call(_ number: UInt64) -> ClientCall? { numbers[number] }

    func send(_ message: ByteBuffer, _ call: ClientCall) {
        guard !call.isFinished, !call.hasEnded else { return }
        call.queue.append(message)
        resume(call.id)
        sendSoon()
    }

    func endSending(_ call: ClientCall) {
        guard !call.isFinished, !call.hasEnded else { return }
        call.hasEnded = true
        resume(call.id)
        sendSoon()
    }

    /// Gives up a call: it ends with the status, and the server is told to stop.
    func abandon(_ call: ClientCall, _ status: GRPCStatus) {
        guard !call.isFinished else { return }
        finish(call, status)
        guard !isEnding else { return }
        reset(call.id, .cancel)
        sendSoon()
    }

    /// Gives back the window that a slow reader has held.
    func consumeHeld(_ call: ClientCall) {
        guard call.unconsumed > 0, !isEnding, !call.isFinished else { return }
        consume(call.id, call.unconsumed)
        call.unconsumed = 0
        sendSoon()
    }

    private func finish(_ call: ClientCall, _ status: GRPCStatus) {
        numbers[call.number] = nil
        call.finish(status)
    }

    private func headers(_ call: ClientCall) -> HeaderList {
        var list: HeaderList = [
            ":method": "POST", ":scheme": "http", ":path": call.path, ":authority": authority,
            "content-type": "application/grpc", "te": "trailers",
            "user-agent": configuration.userAgent,
        ]
        if let timeout = call.timeout { list.add("grpc-timeout", GRPCTimeout.format(timeout)) }
        list.add(call.metadata)
        return list
    }

    // MARK: Events

    private var block: [(name: String, value: String)] = []
    private var blockSize = 0

    override func headersBegan(_ stream: Int32) {
        block.removeAll()
        blockSize = 0
    }

    override func header(name: RawSpan, value: RawSpan) {
        blockSize += name.byteCount + value.byteCount + 32
        guard blockSize <= configuration.maxHeaderListSize else {
            return cut(.enhanceYourCalm, because: "the server sends too many header fields")
        }
        block.append((name.text, value.text))
    }

    override func headersEnded(_ stream: Int32, slot: Int?, isFirst: Bool, endsStream: Bool) {
        guard let slot, let call = calls[slot], !call.isFinished else { return }
        for (name, value) in block {
            switch name {
            case ":status": call.httpStatus = Int(value) ?? 0
            case "content-type": call.isGRPC = value.hasPrefix("application/grpc")
            case "grpc-encoding": call.reader.encoding = value
            case "grpc-status": call.code = Int(value) ?? GRPCCode.unknown.rawValue
            case "grpc-message": call.message = PercentEncoding.decode(value)
            default: call.trailers.add(name, value)
            }
        }
        if endsStream { streamEnded(stream, slot: slot) }
    }

    override func dataArrived(_ stream: Int32, slot: Int?, _ chunk: ByteBuffer) {
        consumeConnection(chunk.readableBytes)
        guard let slot, let call = calls[slot] else { return }
        if call.consumesAtOnce || call.isFinished {
            consume(stream, chunk.readableBytes)
        } else {
            call.unconsumed += chunk.readableBytes
        }
        // What is no gRPC, an error page perhaps, is judged by its HTTP status at the end.
        guard !call.isFinished, call.isGRPC, call.httpStatus == 200 else { return }
        var chunk = chunk
        do throws(GRPCStatus) {
            while let message = try call.reader.next(&chunk) { call.events?.message(message) }
        } catch {
            abandon(call, error)
        }
    }

    override func streamEnded(_ stream: Int32, slot: Int?) {
        guard let slot, let call = calls[slot], !call.isFinished else { return }
        // What is queued will not be sent, since the end of the call empties the queue.
        let hasSaidAll = call.hasEnded && call.queue.bytes == 0
        if call.code == GRPCCode.ok.rawValue, !call.reader.isAtBoundary {
            finish(call, GRPCStatus(.internalError, "the stream ended within a message"))
        } else {
            finish(call, call.endStatus)
        }
        if !hasSaidAll { reset(stream, .cancel) }
    }

    override func streamClosed(_ stream: Int32, slot: Int?, code: UInt32) {
        guard let slot, let call = calls.remove(slot) else { return }
        guard !call.isFinished else { return }
        if code == HTTP2ErrorCode.noError.rawValue {
            finish(call, call.endStatus)
        } else if code == HTTP2ErrorCode.refusedStream.rawValue {
            finish(call, unavailable(refusal ?? "the server refused the call"))
        } else {
            finish(call, ClientCall.status(reset: code))
        }
    }

    override func requestRefused(_ stream: Int32) {
        guard let call = calls.all.first(where: { $0.id == stream }) else { return }
        calls.remove(call.slot)
        finish(call, unavailable(refusal ?? "the call was not sent"))
    }

    override func controlFrame(_ frame: ControlFrame) {
        switch frame {
        case .settings:
            let ready = onReady
            onReady = nil
            ready?(nil)
        case .goaway(_, let code, let debug):
            let name = HTTP2ErrorCode.name(of: code)
            let text = debug.isEmpty ? name : "\(name), \(debug)"
            refuse(because: "the server is closing the connection (GOAWAY: \(text))")
        case .ping, .pingAck, .emptyData, .windowUpdate:
            break
        }
    }

    override func outgoing(slot: Int) -> Outgoing {
        guard let call = calls[slot], !call.isFinished else {
            return Outgoing(available: 0, ends: false)
        }
        return Outgoing(available: call.queue.bytes, ends: call.hasEnded)
    }

    override func write(slot: Int, count: Int) {
        guard let call = calls[slot] else { fatalError("a closed stream asked for data") }
        call.queue.write(count, to: &outbound)
        call.events?.sent()
    }
}
