private import CNGHTTP2
import NIOCore

/// One side of one HTTP/2 connection: bytes in and out, frames as calls.
///
/// This file and HTTP2Callbacks.swift are the only ones that know nghttp2. A subclass overrides the
/// event methods below and calls the commands; it may call commands from within an event, but not
/// `receive` or `collect`. Streams are known to the subclass by a slot, a small number of its own
/// choice that the session hands back with each event of that stream, so that no event needs a
/// dictionary. Not thread-safe: one event loop owns it.
@safe class HTTP2Session {
    /// What a peer may do and what the session announces, in octets and streams.
    struct Settings {
        var isServer: Bool
        var maxConcurrentStreams: UInt32
        var maxHeaderListSize: Int
        var streamWindow: Int
        var connectionWindow: Int
        /// Streams the peer may reset in a burst and then each second before it is cut off.
        var resetBurst: UInt64
        var resetsPerSecond: UInt64
    }

    /// What the send side of a stream has to offer at the moment.
    struct Outgoing {
        /// Octets that can be written now.
        var available: Int
        /// True if nothing follows these octets but the trailers, if any.
        var ends: Bool
    }

    /// A frame that belongs to the connection, or that carries nothing by itself.
    enum ControlFrame {
        case settings
        case ping
        case pingAck
        case goaway(lastStream: Int32, code: UInt32, debug: String)
        case emptyData
        case windowUpdate
    }

    /// The peer broke the protocol beyond repair; the text says how.
    struct Failure: Error {
        var code: HTTP2ErrorCode
        var reason: String
    }

    /// Where `collect` and the subclass's `write` put what is to be sent.
    final var outbound = ByteBuffer()
    private let session: OpaquePointer
    private var inbound = ByteBuffer()
    private var inboundBase: UnsafeRawPointer?

    init(_ settings: Settings) {
        unsafe self.session = newSession(isServer: settings.isServer, settings)
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe nghttp2_session_set_user_data(session, me)
        announce(settings)
    }

    deinit { unsafe nghttp2_session_del(session) }

    private func announce(_ settings: Settings) {
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
        ]
        if settings.isServer {
            entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
            if settings.maxConcurrentStreams < UInt32.max {
                let limit = Int(settings.maxConcurrentStreams)
                entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limit))
            }
        } else {
            entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        must(unsafe nghttp2_submit_settings(session, none, entries, entries.count))
        let window = Int32(clamping: settings.connectionWindow)
        must(unsafe nghttp2_session_set_local_window_size(session, none, 0, window))
    }

    private func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }

    // MARK: Bytes

    /// Decodes what the peer has sent, calling the events on the way.
    final func receive(_ bytes: ByteBuffer) throws(Failure) {
        inbound = bytes
        let result = unsafe bytes.withUnsafeReadableBytes { region -> Int in
            guard let base = region.baseAddress else { return 0 }
            unsafe inboundBase = base
            return unsafe nghttp2_session_mem_recv(
                session,
                base.assumingMemoryBound(to: UInt8.self),
                region.count
            )
        }
        unsafe inboundBase = nil
        inbound = ByteBuffer()
        if result < 0 { throw failure(Int32(result)) }
    }

    /// Appends frames to `outbound` until it holds `limit` octets. True if there may be more.
    final func collect(limit: Int) throws(Failure) -> Bool {
        while outbound.readableBytes < limit {
            var start: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &start)
            if count < 0 { throw failure(Int32(count)) }
            guard count > 0, let start = unsafe start else { return false }
            unsafe outbound.writeBytes(UnsafeRawBufferPointer(start: start, count: count))
        }
        return true
    }

    private func failure(_ result: Int32) -> Failure {
        let code: HTTP2ErrorCode =
            switch nghttp2_error(result) {
            case NGHTTP2_ERR_FLOODED: .enhanceYourCalm
            case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .protocolError
            default: .internalError
            }
        return Failure(code: code, reason: describe(result))
    }

    // MARK: Commands

    /// Starts a response. Without a slot it ends the stream; with one, data and trailers follow.
    final func submitResponse(_ stream: Int32, _ headers: HeaderList, slot: Int?) {
        _ = unsafe withFields(headers) { fields, count in
            guard let slot else {
                return unsafe nghttp2_submit_response(session, stream, fields, count, nil)
            }
            var source = unsafe dataProvider(slot)
            return unsafe nghttp2_submit_response(session, stream, fields, count, &source)
        }
    }

    /// Starts a request whose data come from the slot; nil when the stream numbers are used up.
    final func submitRequest(_ headers: HeaderList, slot: Int) -> Int32? {
        let id = unsafe withFields(headers) { fields, count in
            var source = unsafe dataProvider(slot)
            let data = unsafe UnsafeMutableRawPointer(bitPattern: slot + 1)
            return unsafe nghttp2_submit_request(session, nil, fields, count, &source, data)
        }
        return id > 0 ? id : nil
    }

    /// Says that a stream whose data had run out has data again, or has ended.
    final func resume(_ stream: Int32) {
        // A stream that is closed, or is not waiting, needs nothing.
        _ = unsafe nghttp2_session_resume_data(session, stream)
    }

    /// Ends a stream at once with RST_STREAM.
    final func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        must(unsafe nghttp2_submit_rst_stream(session, none, stream, code.rawValue))
    }

    /// Ties a stream to the slot named in its later events.
    final func bind(_ stream: Int32, slot: Int) {
        _ = unsafe cnghttp2_set_slot(session, stream, Int32(slot))
    }

    /// Gives the peer back room for octets of this stream that have been used.
    final func consume(_ stream: Int32, _ count: Int) {
        must(unsafe nghttp2_session_consume_stream(session, stream, count))
    }

    /// Gives the peer back room on the connection, apart from any stream.
    final func consumeConnection(_ count: Int) {
        must(unsafe nghttp2_session_consume_connection(session, count))
    }

    /// True while the peer may still send on the stream.
    final func isRemoteOpen(_ stream: Int32) -> Bool {
        unsafe nghttp2_session_get_stream_remote_close(session, stream) == 0
    }

    /// Sends a PING.
    final func ping() {
        must(unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil))
    }

    /// Announces that the connection will close; streams already on their way are still accepted.
    final func announceShutdown() {
        must(unsafe nghttp2_submit_shutdown_notice(session))
    }

    /// Sends GOAWAY with the last stream seen: later ones are ignored.
    final func goaway(_ code: HTTP2ErrorCode, debug: StaticString = "") {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        must(
            unsafe nghttp2_submit_goaway(
                session,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                last,
                code.rawValue,
                debug.utf8Start,
                debug.utf8CodeUnitCount
            )
        )
    }

    /// False when, all having been sent, the connection has no reason to stay open.
    final var isAlive: Bool {
        unsafe nghttp2_session_want_read(session) != 0
            || nghttp2_session_want_write(session) != 0
    }

    /// Frames waiting to be sent.
    final var queuedFrames: Int { unsafe nghttp2_session_get_outbound_queue_size(session) }

    // MARK: Events, for subclasses

    /// A header block begins: a request, a response or trailers.
    func headersBegan(_ stream: Int32) {}

    /// One field of the block.
    func header(name: RawSpan, value: RawSpan) {}

    /// The block is whole. `isFirst` tells the request or response from trailers.
    func headersEnded(_ stream: Int32, slot: Int?, isFirst: Bool, endsStream: Bool) {}

    /// Data of a stream, in a buffer that shares memory with what `receive` was given.
    func dataArrived(_ stream: Int32, slot: Int?, _ chunk: ByteBuffer) {}

    /// The peer has ended its side of the stream with the last of its data.
    func streamEnded(_ stream: Int32, slot: Int?) {}

    /// The stream is over. Code 0 (no error) if both sides ended it.
    func streamClosed(_ stream: Int32, slot: Int?, code: UInt32) {}

    /// A frame of the connection, or one without content.
    func controlFrame(_ frame: ControlFrame) {}

    /// A request will not be sent, because the peer wants no more of them.
    func requestRefused(_ stream: Int32) {}

    /// A header block that ends a stream has been put into `outbound`.
    func endSent(_ stream: Int32) {}

    /// What could be sent of a stream.
    func outgoing(slot: Int) -> Outgoing { Outgoing(available: 0, ends: false) }

    /// The trailers of a stream, asked for once, when its data end. Nil: the last data end it.
    func trailers(slot: Int) -> HeaderList? { nil }

    /// Appends exactly `count` octets of the stream's data to `outbound`.
    func write(slot: Int, count: Int) {}
}

// MARK: - Called by HTTP2Callbacks.swift

extension HTTP2Session {
    /// Delivers data without copying: `start` points into what is being received.
    final func deliver(_ stream: Int32, _ start: UnsafePointer<UInt8>, _ count: Int) {
        let slot = slot(of: stream)
        guard let base = unsafe inboundBase else { fatalError("data outside of receive") }
        let offset = unsafe UnsafeRawPointer(start) - base
        let index = inbound.readerIndex + offset
        guard let chunk = inbound.getSlice(at: index, length: count) else {
            fatalError("nghttp2 delivered data from outside the buffer it was given")
        }
        dataArrived(stream, slot: slot, chunk)
    }

    final func slot(of stream: Int32) -> Int? {
        let slot = unsafe cnghttp2_slot(session, stream)
        return slot < 0 ? nil : Int(slot)
    }

    final func submitTrailers(_ stream: Int32, _ headers: HeaderList) -> Bool {
        unsafe withFields(headers) { fields, count in
            unsafe nghttp2_submit_trailer(session, stream, fields, count)
        } == 0
    }
}

/// Out of memory and misuse are the only ways in which these calls fail.
private func must(_ result: Int32) {
    if result != 0 { fatalError("nghttp2: \(describe(result))") }
}

private func describe(_ code: Int32) -> String {
    unsafe String(cString: nghttp2_strerror(code))
}

/// Lays the fields out as nghttp2 wants them; it copies them before the call returns.
private func withFields(
    _ headers: HeaderList,
    _ body: (UnsafePointer<nghttp2_nv>, Int) -> Int32
) -> Int32 {
    unsafe headers.bytes.withUnsafeBufferPointer { bytes in
        unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: headers.count) {
            fields in
            guard let first = fields.baseAddress, let text = bytes.baseAddress else { return -1 }
            var start = 0
            for index in 0..<headers.count {
                let middle = headers.ends[2 * index]
                let end = headers.ends[2 * index + 1]
                unsafe (first + index).initialize(
                    to: nghttp2_nv(
                        name: UnsafeMutablePointer(mutating: text + start),
                        value: UnsafeMutablePointer(mutating: text + middle),
                        namelen: middle - start,
                        valuelen: end - middle,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                    )
                )
                start = end
            }
            return unsafe body(first, headers.count)
        }
    }
}
