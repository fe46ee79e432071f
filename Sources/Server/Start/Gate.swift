import NIOCore
import NIOHTTP1

/// Where accepted connections go: to a member that is still being put together, or to its ports.
/// A peer that comes too early is told so at once, since it may be waiting for the answer before
/// it starts itself.
final class Gate {
    private var assembly: Assembly?

    func open(_ assembly: Assembly) {
        self.assembly = assembly
    }

    func acceptPeer(_ channel: any Channel) throws {
        if let assembly { return try assembly.peerPort.accept(channel) }
        let exchange = HTTPExchange(
            onHead: { _, _ in .answer(.error(.serviceUnavailable, "the member is starting")) },
            onRequest: { _, _, _ in },
            onClosed: { _ in }
        )
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(exchange)
    }

    func acceptClient(_ channel: any Channel) throws {
        guard let assembly else { return channel.close(promise: nil) }
        try assembly.clientPort.accept(channel)
    }
}
