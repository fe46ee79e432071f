import EtcdClient
import EtcdProto
import Logging
import NIOCore
import NIOPosix
import Server
import Storage
import Testing

extension RunningMembers {
    /// The power fails at every sync of a member's first start.
    @Suite(.timeLimit(.minutes(2))) struct FirstStartTests {
        @Test(arguments: ["new", "existing"])
        func `a first start that the power cut off is finished by the next one`(
            state: String
        ) async throws {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            var syncs = 0
            while true {
                let machine = try CutMachine(group)
                let disk = MemoryDisk(crashAfterSyncs: syncs)
                if try await machine.serves(on: disk, state: "new") { break }
                let after = disk.afterPowerLoss(seed: UInt64(syncs))
                let hasLog = try WAL.exists(on: after, directory: machine.log)
                let serves = try await machine.serves(on: after, state: hasLog ? state : "new")
                #expect(serves, "after \(syncs) syncs")
                syncs += 1
            }
            #expect(syncs > 5)
            try await group.shutdownGracefully()
        }
    }
}

/// A machine whose log is on a disk that loses power; its keyspace is on the real one.
private struct CutMachine {
    let directory: TemporaryDirectory
    let group: MultiThreadedEventLoopGroup
    let ports = FreePorts.find(2)

    init(_ group: MultiThreadedEventLoopGroup) throws {
        self.group = group
        directory = try TemporaryDirectory()
        try FileDisk().createDirectory(directory.path + "/m0/member/store")
    }

    var log: String { directory.path + "/m0/member/wal" }

    /// Starts a member and writes through it; false when the power failed before that was done.
    func serves(on disk: MemoryDisk, state: String) async throws -> Bool {
        let flags = try FlagParser(
            arguments: [
                "--name=m0", "--data-dir=\(directory.path)/m0",
                "--listen-client-urls=http://127.0.0.1:\(ports[0])",
                "--advertise-client-urls=http://127.0.0.1:\(ports[0])",
                "--listen-peer-urls=http://127.0.0.1:\(ports[1])",
                "--initial-advertise-peer-urls=http://127.0.0.1:\(ports[1])",
                "--initial-cluster=m0=http://127.0.0.1:\(ports[1])",
                "--initial-cluster-state=\(state)",
                "--heartbeat-interval=20", "--election-timeout=200",
            ],
            environment: [:]
        )
        let failures = TestCluster.Failures()
        let server: MemberServer
        do throws(Fatal) {
            server = try await MemberServer.start(
                try Settings(flags, workingDirectory: "/"),
                disk: disk,
                eventLoop: group.next(),
                logger: Logger(label: "m0") { _ in SwiftLogNoOpLogHandler() },
                onFatal: { failures.note($0) }
            )
        } catch {
            guard disk.isCrashed else { throw error }
            return false
        }
        let client = EtcdClient(endpoint: "http://127.0.0.1:\(ports[0])", group: group)
        var isWritten = false
        for _ in 0..<100 where !isWritten && !disk.isCrashed {
            do {
                _ = try await client.put(PutRequest("k", "v"), timeout: .milliseconds(500))
                isWritten = true
            } catch {
                continue
            }
        }
        await client.close()
        await server.kill()
        return isWritten
    }
}
