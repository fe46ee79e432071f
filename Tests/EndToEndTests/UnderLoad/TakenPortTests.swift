import Foundation
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4])
    func `a member whose port a stranger took waits for it, and the others go on`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let before = loaded.cluster.members()
            var stranger: Program?
            try await loaded.behindTheOperatorsBack {
                try await loaded.end(["quickstart-1"])
                stranger = try await loaded.listen(on: 2)
            }
            defer { stranger?.signal(SIGKILL) }
            let holder = try #require(stranger?.pid)
            try await loaded.told("PortInUse", "in use by process \(holder)")
            try await loaded.progress()
            #expect(Set(loaded.cluster.members()).intersection(before).count == 2)

            stranger?.signal(SIGKILL)
            try await eventually("it starts as soon as the port is free") {
                loaded.cluster.members().count == 3
            }
            try await loaded.settle(as: LoadedCluster.names(0, 1, 2))
        }
    }
}

extension LoadedCluster {
    /// Starts a program that listens on a port of the cluster's block.
    fileprivate func listen(on offset: Int) async throws -> Program {
        let first = try #require(ledger.endpoints.first?.split(separator: ":").last)
        let port = try #require(Int(first)) + offset
        let listening = "0100007F:\(String(port, radix: 16, uppercase: true)) 00000000:0000 0A"
        func isTaken() throws -> Bool {
            String(decoding: try readFile("/proc/net/tcp"), as: UTF8.self).contains(listening)
        }
        // A process that was killed may keep its sockets until its last thread has ended.
        try await eventually("the port is free") { try !isTaken() }
        let stranger = try Program(
            try #require(installed("python3")),
            ["-m", "http.server", "\(port)", "--bind", "127.0.0.1"]
        )
        try await eventually("the stranger listens") { try isTaken() }
        return stranger
    }
}
