import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import TestKit
import Testing

extension EndToEndTests {
    /// All members are killed at random moments under load, again and again: whatever a client was
    /// told is written is there afterwards, and revisions never go back.
    ///
    /// `DURABILITY_ROUNDS=50` sets the number of rounds, `SEED=n` the moments.
    @Suite(.serialized, .timeLimit(.minutes(30)))
    struct DurabilityTests {
        static var rounds: Int {
            environment("DURABILITY_ROUNDS").flatMap(Int.init) ?? 5
        }

        @Test(arguments: Seed.batch(1))
        func `acknowledged writes survive kill -9 of all members`(seed: Seed) async throws {
            var random = seed.generator()
            let cluster = try await RunningCluster.start()
            let ledger = Ledger()
            let endpoints = try await cluster.endpoints()

            for round in 1...Self.rounds {
                let before = cluster.members()
                let load = Task { try await write(to: endpoints, round: round, ledger) }
                let least = ledger.acknowledged.count + random.within(1...200)
                try await eventually("writes are acknowledged in round \(round)") {
                    ledger.acknowledged.count >= least
                }
                // The operator restarts what dies again and again less and less often; a new one
                // has seen nobody die.
                let killsOperator = round > 3
                if killsOperator {
                    cluster.controller.signal(SIGKILL)
                    try await cluster.controller.waitForExit()
                }
                for member in before { kill(member.pid, SIGKILL) }
                _ = try await load.value
                if killsOperator { try cluster.startController() }
                try await eventually("all members are back after round \(round)") {
                    let now = cluster.members()
                    return now.count == 3 && Set(now).isDisjoint(with: before)
                }
                try await check(ledger, endpoints, round: round)
            }
            print("durability: \(Self.rounds) rounds, \(ledger.acknowledged.count) writes kept")
            await cluster.stop()
        }

        /// Eight writers, each on its own connection, until the members stop answering.
        private func write(to endpoints: [String], round: Int, _ ledger: Ledger) async throws {
            try await withThrowingTaskGroup(of: Void.self) { writers in
                for writer in 0..<8 {
                    let client = EtcdClient(
                        endpoint: endpoints[writer % endpoints.count],
                        group: MultiThreadedEventLoopGroup.singleton
                    )
                    writers.addTask {
                        for number in 0... {
                            let key = "\(round)/\(writer)/\(number)"
                            let request = PutRequest.with {
                                $0.key = Data(key.utf8)
                                $0.value = Data("value of \(key)".utf8)
                            }
                            do {
                                let answer = try await client.put(request, timeout: .seconds(10))
                                ledger.add(key, revision: answer.header.revision)
                            } catch {
                                break
                            }
                        }
                        await client.close()
                    }
                }
                try await writers.waitForAll()
            }
        }

        private func check(_ ledger: Ledger, _ endpoints: [String], round: Int) async throws {
            let client = EtcdClient(
                endpoint: endpoints[round % endpoints.count],
                group: MultiThreadedEventLoopGroup.singleton
            )
            let everything = RangeRequest.with {
                $0.key = Data([0])
                $0.rangeEnd = Data([0])
            }
            var answer = RangeResponse()
            try await eventually("the cluster answers after round \(round)", within: .seconds(30)) {
                guard let got = try? await client.range(everything) else { return false }
                answer = got
                return true
            }
            await client.close()
            var found: [String: (value: String, revision: Int64)] = [:]
            for pair in answer.kvs {
                let key = String(decoding: pair.key, as: UTF8.self)
                found[key] = (String(decoding: pair.value, as: UTF8.self), pair.modRevision)
            }
            let acknowledged = ledger.acknowledged
            for (key, revision) in acknowledged {
                guard let kept = found[key] else {
                    Issue.record("round \(round): \(key), acknowledged at \(revision), is lost")
                    continue
                }
                #expect(kept.value == "value of \(key)")
                #expect(kept.revision == revision, "\(key) moved to another revision")
            }
            let highest = acknowledged.values.max() ?? 0
            #expect(answer.header.revision >= highest, "revisions went back in round \(round)")
        }
    }
}

/// What the members have acknowledged: keys and the revisions at which they were written.
private final class Ledger: Sendable {
    private let entries = Mutex<[String: Int64]>([:])

    var acknowledged: [String: Int64] { entries.withLock { $0 } }

    func add(_ key: String, revision: Int64) {
        entries.withLock { $0[key] = revision }
    }
}
