import EtcdProto
import FoundationEssentials
import GRPC
import Glibc
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit

/// A freshly started cluster of one member, and a connection to it.
final class LoneServer: Sendable {
    let connection: GRPCConnection
    let client: String
    let peer: String
    /// The header of its first answer: who it is, and where its revisions begin.
    let header: ResponseHeader
    private let program: Program
    private let directory: TemporaryDirectory

    /// Starts one and returns when it serves.
    init(_ contender: Contender, flags: [String] = []) async throws {
        let ports = freePorts(2)
        let (client, peer) = ("http://127.0.0.1:\(ports[0])", "http://127.0.0.1:\(ports[1])")
        let directory = try TemporaryDirectory("conformance")
        let program = try Program(
            contender.program ?? contender.rawValue,
            [
                "--name=lone", "--data-dir=\(directory.path)/data",
                "--listen-client-urls=\(client)", "--advertise-client-urls=\(client)",
                "--listen-peer-urls=\(peer)", "--initial-advertise-peer-urls=\(peer)",
                "--initial-cluster=lone=\(peer)", "--logger=zap", "--log-level=error",
                "--heartbeat-interval=10", "--election-timeout=100",
            ] + flags
        )
        do {
            (connection, header) = try await Self.greeted(ports[0], program)
        } catch {
            program.signal(SIGKILL)
            directory.remove()
            throw error
        }
        (self.client, self.peer) = (client, peer)
        (self.program, self.directory) = (program, directory)
    }

    deinit {
        program.signal(SIGKILL)
        directory.remove()
    }

    /// Connects again and again until a read that needs a quorum is answered, and the version of
    /// the cluster, which an etcd decides on a little later, is known.
    private static func greeted(_ port: Int, _ program: Program) async throws -> (
        GRPCConnection, ResponseHeader
    ) {
        var greeted: (GRPCConnection, ResponseHeader)?
        try await eventually("\(program.name) serves", within: .seconds(60)) {
            guard program.isRunning else { throw Ended(errors: program.errors) }
            do {
                let connection = try await GRPCConnection.connect(
                    host: "127.0.0.1",
                    port: port,
                    group: MultiThreadedEventLoopGroup.singleton
                )
                let read: [UInt8] = try RangeRequest.with { $0.key = Data("a".utf8) }
                    .serializedBytes()
                let answer = try await connection.unary(
                    "/etcdserverpb.KV/Range",
                    read,
                    timeout: .seconds(10)
                )
                guard try await knowsVersion(connection) else { return false }
                greeted = (connection, try RangeResponse(serializedBytes: answer).header)
                return true
            } catch is GRPCConnectError {
                return false
            } catch is GRPCStatus {
                return false
            }
        }
        guard let greeted else { throw Ended(errors: program.errors) }
        return greeted
    }

    /// Asks for a downgrade, which is refused in one way while the version of the cluster is not
    /// decided (`etcdserver: cluster version not found during downgrade`).
    private static func knowsVersion(_ connection: GRPCConnection) async throws -> Bool {
        let question: [UInt8] = try DowngradeRequest.with {
            $0.action = .validate
            $0.version = "3.3.0"
        }.serializedBytes()
        do {
            let method = "/etcdserverpb.Maintenance/Downgrade"
            _ = try await connection.unary(method, question, timeout: .seconds(10))
            return true
        } catch {
            return error.code != .unavailable
        }
    }

    struct Ended: Error {
        let errors: String
    }

    /// What it has complained about.
    var errors: String { program.errors }

    /// Ends it and waits for that.
    func stop() async throws {
        await connection.close()
        program.signal(SIGKILL)
        try await program.waitForExit()
        directory.remove()
    }
}
