package import EtcdProto
import GRPC
import Keyspace
package import Logging
import Member
package import NIOCore
import NIOPosix
import Raft
package import Storage

/// A member that runs: its data, its loop, its ports.
package final class MemberServer: Sendable {
    package let identity: Identity
    /// Where clients and peers can connect, also when the flags said port 0.
    package let clientAddresses: [SocketAddress]
    package let peerAddresses: [SocketAddress]

    private let eventLoop: any EventLoop
    private let assembly: NIOLoopBound<Assembly>
    private let listeners: [Listener]
    private let directory: DataDirectory
    private let logger: Logger

    /// How long open calls may go on after the member was told to stop.
    private static let drainTime = TimeAmount.seconds(2)

    /// Starts a member on one event loop and returns when it listens; it serves once it has found
    /// the others, which the log says. `onFatal` is told, on the loop, when it cannot go on.
    package static func start(
        _ settings: Settings,
        disk: any Disk = FileDisk(),
        eventLoop: any EventLoop,
        logger: Logger,
        onFatal: @escaping @Sendable (Fatal) -> Void
    ) async throws(Fatal) -> MemberServer {
        let path = settings.dataDirectory
        var claimed: DataDirectory?
        if try DataDirectory.exists(path, on: disk) {
            claimed = try DataDirectory(claiming: path, on: disk)
        }
        let gate = NIOLoopBoundBox.makeBoxSendingValue(Gate(), eventLoop: eventLoop)
        let peers = try await Listener.bind(
            settings.listenPeerURLs,
            flag: "listen-peer-urls",
            on: eventLoop
        ) { try gate.value.acceptPeer($0) }
        let clients: Listener
        do throws(Fatal) {
            clients = try await Listener.bind(
                settings.listenClientURLs,
                flag: "listen-client-urls",
                on: eventLoop
            ) { try gate.value.acceptClient($0) }
        } catch {
            await peers.close()
            throw error
        }
        peers.startAccepting()
        do throws(Fatal) {
            let directory: DataDirectory
            if let claimed {
                directory = claimed
            } else {
                directory = try DataDirectory(claiming: path, on: disk)
            }
            let start = try await firstStart(settings, directory, disk, eventLoop)
            let plan = Assembly.Plan(
                settings: settings,
                directory: directory,
                disk: disk,
                first: start?.first,
                remotes: start?.peers ?? [],
                eventLoop: eventLoop,
                logger: logger,
                onFatal: onFatal
            )
            let server = try await build(plan, gate, [peers, clients])
            clients.startAccepting()
            return server
        } catch {
            await peers.close()
            await clients.close()
            throw error
        }
    }

    /// How the member begins; nil when it has begun, and goes on from its log.
    private static func firstStart(
        _ settings: Settings,
        _ directory: DataDirectory,
        _ disk: any Disk,
        _ eventLoop: any EventLoop
    ) async throws(Fatal) -> FirstStart.Decision? {
        var unbegun: (member: MemberID, cluster: ClusterID)?
        if try directory.hasLog() {
            if try directory.isStamped() { return nil }
            do throws(StartError) {
                unbegun = try Startup.unbegunLog(on: disk, directory: directory.log)
            } catch {
                throw .start(error)
            }
            guard unbegun != nil else { return nil }
        } else {
            try directory.refuseLostLog()
        }
        return try await FirstStart(settings: settings, unbegun: unbegun, eventLoop: eventLoop)
            .decide()
    }

    private static func build(
        _ plan: Assembly.Plan,
        _ gate: NIOLoopBoundBox<Gate>,
        _ listeners: [Listener]
    ) async throws(Fatal) -> MemberServer {
        do {
            let loop = plan.eventLoop
            let built = try await loop.submit {
                NIOLoopBound(try Assembly(plan), eventLoop: loop)
            }.get()
            if plan.first == nil, plan.settings.initialCorruptCheck {
                try await refuseCorruption(built, plan)
            }
            return try await loop.submit {
                let assembly = built.value
                gate.value.open(assembly)
                assembly.start(plan.remotes)
                return MemberServer(assembly, plan, listeners)
            }.get()
        } catch let error as Fatal {
            throw error
        } catch {
            throw Fatal(.failure, "\(error)", remedy: "this is a mistake in the program")
        }
    }

    /// Compares the data with the others' before anybody is served from them.
    private static func refuseCorruption(
        _ assembly: NIOLoopBound<Assembly>,
        _ plan: Assembly.Plan
    ) async throws {
        let differing = try await plan.eventLoop.flatSubmit {
            assembly.value.monitor.differingPeers()
        }.get()
        guard let other = differing.first else { return }
        let closed = plan.eventLoop.flatSubmit {
            assembly.value.loop.halt()
            return assembly.value.loop.closeFiles()
        }
        _ = try? await closed.get()
        throw Fatal(
            .corruption,
            "found data inconsistency with peers: the data differ from those of "
                + "\(differing.count) other members, such as \(other) "
                + "(--experimental-initial-corrupt-check)",
            remedy: "replace this member, or the others if they are the ones that are wrong"
        )
    }

    private init(_ assembly: Assembly, _ plan: Assembly.Plan, _ listeners: [Listener]) {
        identity = assembly.identity
        eventLoop = plan.eventLoop
        self.assembly = NIOLoopBound(assembly, eventLoop: plan.eventLoop)
        self.listeners = listeners
        peerAddresses = listeners[0].addresses
        clientAddresses = listeners[1].addresses
        directory = plan.directory
        logger = plan.logger
    }

    /// Hands leadership over, stops accepting, lets open calls finish for a moment, brings
    /// everything applied into the backend and closes the files.
    package func stop() async {
        logger.info("stopping")
        let assembly = assembly
        let handedOver = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { assembly.value.loop.handOver { handedOver.succeed() } }
        await settle(handedOver.futureResult)
        for listener in listeners { await listener.close() }
        let drained = eventLoop.makePromise(of: Void.self)
        eventLoop.execute {
            let port = assembly.value.clientPort
            port.drain { drained.succeed() }
            // They would go on for ever.
            assembly.value.watches.stop()
            assembly.value.loop.eventLoop.assumeIsolated().scheduleTask(in: Self.drainTime) {
                port.closeAll()
                drained.succeed()
            }
        }
        await settle(drained.futureResult)
        let flushed = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { assembly.value.loop.flushBackend { flushed.succeed() } }
        await settle(flushed.futureResult)
        await halt()
        logger.info("stopped")
    }

    /// Ends at once, as a crash would for everything but the files, which are closed. For tests.
    package func kill() async {
        for listener in listeners { await listener.close() }
        await halt()
    }

    private func halt() async {
        let assembly = assembly
        let halted = eventLoop.submit {
            assembly.value.loop.halt()
            assembly.value.clientPort.closeAll()
            assembly.value.peerPort.closeAll()
        }
        await settle(halted)
        let loop = eventLoop
        let closed = loop.flatSubmit { assembly.value.loop.closeFiles() }
        await settle(closed)
        directory.release()
    }

    /// Waits for a future that only fails when the loop is gone, which is as good as done.
    private func settle(_ future: EventLoopFuture<Void>) async {
        _ = try? await future.get()
    }

    // MARK: For tests and tools

    /// Whether this member leads, and the number of its term.
    package func leadership() async throws -> (leader: MemberID, term: UInt64) {
        let assembly = assembly
        return try await eventLoop.submit {
            (assembly.value.loop.member.leader, assembly.value.loop.member.term.rawValue)
        }.get()
    }
}
