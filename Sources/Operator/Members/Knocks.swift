import EtcdClient
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// Tries whether the way to a port is open: a connection is taken, or refused as nobody listens
/// there. The system takes them for a process that stands still, up to a number, so each is tried
/// seldom, and what was found stands in until then.
final class Knocks: Sendable {
    private let group: any EventLoopGroup
    private let found = Mutex<[String: (isOpen: Bool, at: Duration)]>([:])
    private static let pause = Duration.seconds(10)
    private static let timeout = TimeAmount.seconds(1)

    init(group: any EventLoopGroup) {
        self.group = group
    }

    func isWithinReach(_ url: String) async -> Bool {
        let now = monotonicNow()
        if let last = found.withLock({ $0[url] }), now - last.at < Knocks.pause {
            return last.isOpen
        }
        let isOpen = await knock(url)
        found.withLock { $0[url] = (isOpen, now) }
        return isOpen
    }

    func forget(where isGone: (String) -> Bool) {
        found.withLock { found in found = found.filter { !isGone($0.key) } }
    }

    private func knock(_ url: String) async -> Bool {
        guard let endpoint = try? EtcdEndpoint(url) else { return false }
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(Knocks.timeout)
                .connect(host: endpoint.host, port: endpoint.port).get()
            // It is open whatever becomes of the end.
            try? await channel.close().get()
            return true
        } catch let error as NIOConnectionError {
            // A name may have several addresses: all have to say so.
            return !error.connectionErrors.isEmpty
                && error.connectionErrors.allSatisfy { Knocks.isRefusal($0.error) }
        } catch {
            return Knocks.isRefusal(error)
        }
    }

    private static func isRefusal(_ error: any Error) -> Bool {
        (error as? IOError)?.errnoCode == ECONNREFUSED
    }
}
