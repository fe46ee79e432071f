package import NIOCore

/// A gRPC server on one connection, as the last handler of its channel.
///
/// It may be added before or after the channel becomes active; octets that were read before are
/// passed to it with `fireChannelRead` and `fireChannelReadComplete`, beginning with the client's
/// preface.
package final class GRPCServerHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let configuration: GRPCServerConfiguration
    private let flushQueue: FlushQueue?
    private var connection: ServerConnection?

    /// With a `flushQueue` of the channel's event loop, the connections that share it are flushed
    /// together, at the end of the turn.
    package init(configuration: GRPCServerConfiguration, flushQueue: FlushQueue? = nil) {
        self.configuration = configuration
        self.flushQueue = flushQueue
    }

    /// Octets of whole requests that are not served yet, because the client does not take the
    /// answers to earlier ones.
    package var waitingBytes: Int { connection?.waitingBytes ?? 0 }

    /// Tells the client with GOAWAY to open no more calls, and closes when the open ones have
    /// ended.
    package func shutdownGracefully() { connection?.shutdownGracefully() }

    package func handlerAdded(context: ChannelHandlerContext) {
        connection = ServerConnection(
            eventLoop: context.eventLoop,
            flushQueue: flushQueue,
            configuration: configuration
        )
        if context.channel.isActive { connection?.start(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        connection?.channelGone(because: "the connection was closed")
        connection = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        connection?.start(context)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        connection?.channelGone(because: "the connection was closed")
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection?.channelRead(unwrapInboundIn(data))
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        connection?.pump()
        context.fireChannelReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        connection?.pump()
        context.fireChannelWritabilityChanged()
    }

    package func read(context: ChannelHandlerContext) {
        if connection?.readHeld(context) != true { context.read() }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection?.channelGone(because: "\(error)")
        context.close(mode: .all, promise: nil)
    }
}
