import NIOCore
import NIOHTTP1

/// The connections that peers have opened to this member.
final class PeerPort {
    private let endpoints: PeerEndpoints
    private var channels: [ObjectIdentifier: any Channel] = [:]

    init(_ endpoints: PeerEndpoints) {
        self.endpoints = endpoints
    }

    /// Prepares an accepted connection.
    func accept(_ channel: any Channel) throws {
        let id = ObjectIdentifier(channel)
        channels[id] = channel
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.channels[id] = nil }
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(endpoints.exchange())
    }

    func closeAll() {
        for channel in channels.values { channel.close(promise: nil) }
    }
}
