import NIOCore
import NIOPosix

/// A page that a member serves over HTTP/1.1.
enum WebPage {
    /// The body of what is at `path` of a server such as `http://127.0.0.1:2379`.
    static func get(_ path: String, of server: String) async throws -> String {
        let port = Int(server.split(separator: ":").last ?? "") ?? 80
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let head = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: head))
            var answer = ""
            for try await part in inbound { answer += String(buffer: part) }
            guard let end = answer.firstRange(of: "\r\n\r\n") else { return "" }
            return String(answer[end.upperBound...])
        }
    }
}
