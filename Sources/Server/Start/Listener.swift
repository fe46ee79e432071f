import Glibc
import NIOCore
import NIOPosix

/// The sockets that a member listens on for one purpose. They are bound first, so that a port in
/// use is found before anything is changed on disk, and accept once there is somebody to serve.
final class Listener: Sendable {
    private let channels: [any Channel]

    /// Bound addresses, in the order of the URLs.
    var addresses: [SocketAddress] { channels.compactMap(\.localAddress) }

    private init(_ channels: [any Channel]) {
        self.channels = channels
    }

    /// Binds all URLs of a flag. `accept` runs on the loop for every connection.
    static func bind(
        _ urls: [ListenURL],
        flag: String,
        on eventLoop: any EventLoop,
        accept: @escaping @Sendable (any Channel) throws -> Void
    ) async throws(Fatal) -> Listener {
        var channels: [any Channel] = []
        for url in urls {
            let bootstrap = ServerBootstrap(group: eventLoop)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.autoRead, value: false)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try accept(channel) }
                }
            do {
                let host = url.host == "localhost" ? "127.0.0.1" : url.host
                channels.append(try await bootstrap.bind(host: host, port: url.port).get())
            } catch {
                await Listener(channels).close()
                throw Self.cannotListen(url, flag, error)
            }
        }
        return Listener(channels)
    }

    func startAccepting() {
        for channel in channels {
            channel.setOption(.autoRead, value: true).whenSuccess { channel.read() }
        }
    }

    /// Returns when the addresses are free.
    func close() async {
        for channel in channels {
            _ = try? await channel.close().get()  // the only error is "closed already"
        }
    }

    private static func cannotListen(_ url: ListenURL, _ flag: String, _ error: any Error) -> Fatal
    {
        var reason = "\(error)"
        if let number = (error as? IOError)?.errnoCode, let text = unsafe strerror(number) {
            reason = unsafe String(cString: text) + " (errno \(number))"
        }
        return Fatal(
            .addressInUse,
            "cannot listen on \(url) (--\(flag)): \(reason)",
            remedy: "free the address, or choose another one"
        )
    }
}
