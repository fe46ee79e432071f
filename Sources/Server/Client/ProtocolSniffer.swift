package import NIOCore

/// Tells by the first octets of a connection whether its client speaks HTTP/2 (gRPC) or HTTP/1.1:
/// HTTP/2 begins with `PRI * HTTP/2.0`, and no HTTP/1.1 method does.
package final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    package enum Found: Hashable, Sendable {
        case http2
        case http1
    }

    private let install: (Found, any Channel) throws -> Void
    private var received: ByteBuffer?
    private var patience: Scheduled<Void>?
    private var isDone = false

    /// How long a client may say nothing.
    private static let patienceLimit = TimeAmount.seconds(30)

    /// `install` adds the handlers of the protocol behind this one.
    package init(_ install: @escaping (Found, any Channel) throws -> Void) {
        self.install = install
    }

    /// What the first octets are, or nil while they could still be either.
    package static func judge(_ bytes: some Sequence<UInt8>) -> Found? {
        var count = 0
        for (byte, expected) in zip(bytes, "PRI * HTTP/2.0".utf8) {
            if byte != expected { return .http1 }
            count += 1
        }
        // Three octets suffice: no method of HTTP/1.1 begins with them.
        return count >= 3 ? .http2 : nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        patience = context.eventLoop.scheduleTask(in: Self.patienceLimit) {
            channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        patience?.cancel()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        if var before = received {
            before.writeBuffer(&bytes)
            bytes = before
        }
        received = bytes
        guard let found = Self.judge(bytes.readableBytesView) else { return }
        isDone = true
        patience?.cancel()
        do {
            try install(found, context.channel)
        } catch {
            context.close(promise: nil)
            return
        }
        received = nil
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
