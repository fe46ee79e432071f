import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization

/// What clients write while a cluster changes, and what of it was acknowledged.
final class WriteLedger: Sendable {
    struct Write: Hashable, Sendable {
        let key: String
        let value: String
    }

    private struct State {
        var acknowledged: [Int64: Write] = [:]
        var endpoints: [String] = []
        var longestWait = Duration.zero
    }

    private let state = Mutex(State())

    /// By the revision that the answer named.
    var acknowledged: [Int64: Write] { state.withLock { $0.acknowledged } }
    var count: Int { state.withLock { $0.acknowledged.count } }

    /// Where writers write: members come and go.
    var endpoints: [String] {
        get { state.withLock { $0.endpoints } }
        set { state.withLock { $0.endpoints = newValue } }
    }

    /// The longest time since `forgetWaits` that a writer had nothing acknowledged.
    var longestWait: Duration { state.withLock { $0.longestWait } }

    func forgetWaits() { state.withLock { $0.longestWait = .zero } }

    private func note(_ write: Write, at revision: Int64, after wait: Duration) {
        state.withLock { state in
            state.acknowledged[revision] = write
            state.longestWait = max(state.longestWait, wait)
        }
    }

    /// Writes until the task is cancelled, through one endpoint after the other: to the next when
    /// one fails or is not to be used any more. No key is written twice, so what is lost at any
    /// time is missing at the end.
    func write(as writer: Int) async {
        var turn = writer
        var count = 0
        var last = ContinuousClock.now
        while !Task.isCancelled {
            let all = endpoints
            let endpoint = all[turn % all.count]
            let client = EtcdClient(
                endpoint: endpoint,
                group: MultiThreadedEventLoopGroup.singleton
            )
            while !Task.isCancelled, endpoints.contains(endpoint) {
                count += 1
                let write = Write(key: "w/\(writer)/\(count)", value: "\(writer):\(count)")
                guard await put(write, through: client, since: last) else { break }
                last = .now
            }
            await client.close()
            turn += 1
            // A member that is down answers at once.
            _ = try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Writes so many keys at once, of so many bytes each.
    func fill(_ count: Int, bytes: Int, through client: EtcdClient) async throws {
        let padding = String(repeating: "x", count: bytes)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let width = bytes > 10_000 ? 4 : 64
            for lane in 0..<width {
                group.addTask {
                    for number in stride(from: lane, to: count, by: width) {
                        let request = PutRequest.with {
                            $0.key = Data("fill/\(number % 50)".utf8)
                            $0.value = Data("\(number) \(padding)".utf8)
                        }
                        _ = try await client.put(request, timeout: .seconds(20))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func put(
        _ write: Write,
        through client: EtcdClient,
        since last: ContinuousClock.Instant
    ) async -> Bool {
        let request = PutRequest.with {
            $0.key = Data(write.key.utf8)
            $0.value = Data(write.value.utf8)
        }
        guard let answer = try? await client.put(request, timeout: .seconds(3)) else {
            return false
        }
        note(write, at: answer.header.revision, after: .now - last)
        return true
    }
}
