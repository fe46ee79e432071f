import EtcdClient
import EtcdProto
import FoundationEssentials
import GRPC
import Member
import Server
import Testing

extension RunningMembers {
    /// Watches of a member that is sent a snapshot.
    @Suite(.timeLimit(.minutes(3))) struct WatchSnapshotTests {
        @Test func `a watch on a member that catches up by a snapshot is told all of it`()
            async throws
        {
            let machines = try Machines(2)
            do {
                try await machines.start(0, "m0", state: "new")
                let first = machines.client(0)
                for number in 0..<40 {
                    _ = try await first.put(PutRequest("k\(number)", "v\(number)"))
                }
                // The log is cut off down to 64 MiB each time that about as much has become
                // durable: the first time may find nothing to cut, the second does.
                let large = String(repeating: "x", count: 1_200_000)
                for number in 0..<130 {
                    _ = try await first.put(PutRequest("large\(number % 3)", large))
                }
                _ = try await first.memberAdd(peerURLs: [machines.peerURL(1)])
                try await machines.start(1, "m0,m1", state: "existing")
                try await WatchClient.with(port: machines.clientPort(1)) { watcher in
                    try await watcher.create("k") {
                        $0.rangeEnd = Data("l".utf8)
                        $0.startRevision = 2
                    }
                    // It knows of nothing yet: the snapshot comes under the watch.
                    let created = try await watcher.next()
                    #expect(created.created && created.header.revision == 1)
                    var events: [String] = []
                    while events.count < 40 {
                        events += try await watcher.next().events.map(\.text)
                    }
                    #expect(machines.log.contains("installs a snapshot"))
                    #expect(events == (0..<40).map { "put k\($0)=v\($0) @\($0 + 2)" })
                    _ = try await first.put(PutRequest("k", "after"))
                    #expect(try await watcher.next().events.map(\.text) == ["put k=after @172"])
                }
                #expect(machines.failures.all.isEmpty)
            } catch {
                await machines.shutdown()
                throw error
            }
            await machines.shutdown()
        }

        @Test func `a learner refuses watches`() async throws {
            let machines = try Machines(2)
            do {
                try await machines.start(0, "m0", state: "new")
                let first = machines.client(0)
                _ = try await first.put(PutRequest("k", "v"))
                _ = try await first.memberAddLearner(peerURLs: [machines.peerURL(1)])
                try await machines.start(1, "m0,m1", state: "existing")
                try await machines.waitForEqualIndex()
                try await WatchClient.with(port: machines.clientPort(1)) { watcher in
                    let status = await watcher.end()
                    #expect(
                        status
                            == GRPCStatus(
                                .failedPrecondition,
                                "etcdserver: rpc not supported for learner"
                            )
                    )
                }
            } catch {
                await machines.shutdown()
                throw error
            }
            await machines.shutdown()
        }
    }
}
