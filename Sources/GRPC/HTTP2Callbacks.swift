import CNGHTTP2
import NIOCore

// The C functions through which nghttp2 calls an HTTP2Session, and what sets them up.

/// Makes a session that calls the `HTTP2Session` in its user data.
func newSession(isServer: Bool, _ settings: HTTP2Session.Settings) -> OpaquePointer {
    var options: OpaquePointer?
    must(unsafe nghttp2_option_new(&options))
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    unsafe nghttp2_option_set_no_closed_streams(options, 1)
    unsafe nghttp2_option_set_max_continuations(options, 8)
    unsafe nghttp2_option_set_max_settings(options, 32)
    unsafe nghttp2_option_set_stream_reset_rate_limit(
        options,
        settings.resetBurst,
        settings.resetsPerSecond
    )
    if isServer {
        // nghttp2 would refuse an :authority with a scheme in it, which older etcd clients send
        // ("http://127.0.0.1:2379"). So ServerConnection checks what gRPC needs of a request.
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
    }
    var session: OpaquePointer?
    let callbacks = unsafe newCallbacks()
    if isServer {
        must(unsafe nghttp2_session_server_new2(&session, callbacks, nil, options))
    } else {
        must(unsafe nghttp2_session_client_new2(&session, callbacks, nil, options))
    }
    unsafe nghttp2_session_callbacks_del(callbacks)
    unsafe nghttp2_option_del(options)
    guard let session = unsafe session else { fatalError("nghttp2 made no session") }
    return unsafe session
}

/// The source of a stream's data: the session that owns the slot, when it has room to send.
func dataProvider(_ slot: Int) -> nghttp2_data_provider {
    unsafe nghttp2_data_provider(
        source: nghttp2_data_source(fd: Int32(slot)),
        read_callback: readData
    )
}

private func must(_ result: Int32) {
    if result != 0 { fatalError("nghttp2 cannot start: \(result)") }
}

private func newCallbacks() -> OpaquePointer? {
    var callbacks: OpaquePointer?
    must(unsafe nghttp2_session_callbacks_new(&callbacks))
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headersBegan)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, headerArrived)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameArrived)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataArrived)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, writeData)
    return unsafe callbacks
}

private let carryOn: Int32 = 0
private let cutConnection = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
private let endStreamFlag = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)
private let ackFlag = UInt8(NGHTTP2_FLAG_ACK.rawValue)

/// Calls the session behind the user data without touching its reference count: whoever called
/// `receive` or `collect` holds it.
@inline(__always)
private func with<R>(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> R) -> R {
    guard let user = unsafe user else { fatalError("nghttp2 lost its user data") }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
}

private let headersBegan: nghttp2_on_begin_headers_callback = { _, frame, user in
    guard let frame = unsafe frame else { return cutConnection }
    let stream = unsafe cnghttp2_header_of(frame).pointee.stream_id
    unsafe with(user) { $0.headersBegan(stream) }
    return carryOn
}

private let headerArrived: nghttp2_on_header_callback = {
    _,
    _,
    name,
    nameCount,
    value,
    valueCount,
    _,
    user in
    let name = unsafe RawSpan(_unsafeBytes: .init(start: name, count: nameCount))
    let value = unsafe RawSpan(_unsafeBytes: .init(start: value, count: valueCount))
    unsafe with(user) { $0.header(name: name, value: value) }
    return carryOn
}

private let dataArrived: nghttp2_on_data_chunk_recv_callback = {
    _,
    _,
    stream,
    start,
    count,
    user in
    guard let start = unsafe start else { return cutConnection }
    unsafe with(user) { unsafe $0.deliver(stream, start, count) }
    return carryOn
}

private let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, user in
    unsafe with(user) { $0.streamClosed(stream, slot: $0.slot(of: stream), code: code) }
    return carryOn
}

private let frameSent: nghttp2_on_frame_send_callback = { _, frame, user in
    guard let frame = unsafe frame else { return cutConnection }
    let header = unsafe cnghttp2_header_of(frame).pointee
    if header.type == UInt8(NGHTTP2_HEADERS.rawValue), header.flags & endStreamFlag != 0 {
        unsafe with(user) { $0.endSent(header.stream_id) }
    }
    return carryOn
}

private let frameNotSent: nghttp2_on_frame_not_send_callback = { _, frame, _, user in
    guard let frame = unsafe frame else { return cutConnection }
    let header = unsafe cnghttp2_header_of(frame).pointee
    let request = Int32(NGHTTP2_HCAT_REQUEST.rawValue)
    if header.type == UInt8(NGHTTP2_HEADERS.rawValue),
        unsafe cnghttp2_headers_category(frame) == request
    {
        unsafe with(user) { $0.requestRefused(header.stream_id) }
    }
    return carryOn
}

private let frameArrived: nghttp2_on_frame_recv_callback = { _, frame, user in
    guard let frame = unsafe frame else { return cutConnection }
    let header = unsafe cnghttp2_header_of(frame).pointee
    let stream = header.stream_id
    let ends = header.flags & endStreamFlag != 0
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_DATA:
        if ends {
            unsafe with(user) { $0.streamEnded(stream, slot: $0.slot(of: stream)) }
        } else if header.length == 0 {
            unsafe with(user) { $0.controlFrame(.emptyData) }
        }
    case NGHTTP2_HEADERS:
        let category = unsafe cnghttp2_headers_category(frame)
        let isFirst = category != Int32(NGHTTP2_HCAT_HEADERS.rawValue)
        unsafe with(user) {
            let slot = $0.slot(of: stream)
            $0.headersEnded(stream, slot: slot, isFirst: isFirst, endsStream: ends)
        }
    default:
        guard let control = unsafe controlFrame(header, frame) else { return carryOn }
        unsafe with(user) { $0.controlFrame(control) }
    }
    return carryOn
}

private func controlFrame(
    _ header: nghttp2_frame_hd,
    _ frame: UnsafePointer<nghttp2_frame>
) -> HTTP2Session.ControlFrame? {
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_SETTINGS: return header.flags & ackFlag != 0 ? nil : .settings
    case NGHTTP2_PING: return header.flags & ackFlag != 0 ? .pingAck : .ping
    case NGHTTP2_WINDOW_UPDATE: return .windowUpdate
    case NGHTTP2_GOAWAY:
        let goaway = unsafe cnghttp2_goaway_of(frame).pointee
        let debug = unsafe UnsafeBufferPointer(
            start: goaway.opaque_data,
            count: min(goaway.opaque_data_len, 256)
        )
        return .goaway(
            lastStream: unsafe goaway.last_stream_id,
            code: unsafe goaway.error_code,
            debug: unsafe String(decoding: debug, as: UTF8.self)
        )
    default: return nil
    }
}

private let readData: nghttp2_data_source_read_callback = {
    _,
    stream,
    _,
    room,
    flags,
    source,
    user in
    guard let flags = unsafe flags, let source = unsafe source else {
        return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }
    let slot = Int(unsafe source.pointee.fd)
    return unsafe with(user) { session -> Int in
        let outgoing = session.outgoing(slot: slot)
        let count = min(outgoing.available, room)
        let ends = outgoing.ends && count == outgoing.available
        if count == 0, !ends { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if ends {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if let trailers = session.trailers(slot: slot) {
                unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                guard session.submitTrailers(stream, trailers) else {
                    return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
                }
            }
        }
        return count
    }
}

private let writeData: nghttp2_send_data_callback = { _, _, frameHeader, count, source, user in
    guard let frameHeader = unsafe frameHeader, let source = unsafe source else {
        return cutConnection
    }
    let slot = Int(unsafe source.pointee.fd)
    unsafe with(user) { session in
        _ = unsafe session.outbound.writeBytes(
            UnsafeRawBufferPointer(start: frameHeader, count: 9)
        )
        if count > 0 { session.write(slot: slot, count: count) }
    }
    return carryOn
}
