import NIOCore
import NIOHTTP1

/// Asks for a stream when connected and decodes the answer's body as it comes.
final class StreamReaderHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let reader: StreamReader
    private let place: PeerAddresses.Place
    private var decoder: StreamDecoder
    private var status: HTTPResponseStatus?
    private var errorBody = ""
    private var reason = "the peer closed the connection"

    init(_ reader: StreamReader, at place: PeerAddresses.Place) {
        self.reader = reader
        self.place = place
        decoder = reader.decoder
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(reader.request(at: place))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        reader.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.read()
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = head.status
            if head.status == .ok { reader.opened() }
        case .body(var bytes):
            if status == .ok {
                decode(&bytes, context)
            } else if errorBody.utf8.count < 1_024 {
                errorBody += bytes.readString(length: min(bytes.readableBytes, 1_024)) ?? ""
            }
        case .end:
            finish()
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        reader.closed(because: reason)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        reason = "\(error)"
        context.close(promise: nil)
    }

    private func decode(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        decoder.receive(&bytes)
        do throws(StreamDecoder.Failure) {
            while let message = try decoder.next() { reader.received(message) }
        } catch {
            reason = "\(error)"
            context.close(promise: nil)
        }
    }

    private func finish() {
        guard let status, status != .ok else { return }
        reason = "status \(status.code): \(errorBody.filter { $0 != "\n" })"
        if status == .gone { reader.removed() }
    }
}
