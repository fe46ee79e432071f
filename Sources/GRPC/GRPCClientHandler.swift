import NIOCore

/// Puts a `ClientConnection` on a channel.
final class GRPCClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ClientConnection

    init(_ connection: ClientConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { connection.start(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        connection.channelGone(because: "the connection was closed")
    }

    func channelActive(context: ChannelHandlerContext) {
        connection.start(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.channelGone(because: "the connection was closed by the server")
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.channelRead(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        connection.pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        connection.pump()
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if !connection.readHeld(context) { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.channelGone(because: "\(error)")
        context.close(mode: .all, promise: nil)
    }
}
