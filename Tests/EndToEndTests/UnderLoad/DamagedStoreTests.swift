import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit
import Testing

extension EndToEndTests.HealingUnderLoadTests {
    @Test(arguments: [Kind.ours, .v3_4, .v3_5])
    func `a member with a damaged page is found out when it starts, and replaced`(
        kind: Kind
    ) async throws {
        try await LoadedCluster.with(kind) { loaded in
            try await loaded.behindTheOperatorsBack {
                try await loaded.end(["quickstart-1"])
                try StoreFile(loaded, "quickstart-1", kind).damageRoot()
            }
            try await loaded.waitForEvent("DataDamaged")
            try await loaded.settle(as: LoadedCluster.names(0, 2, 3))
        }
    }

    @Test(arguments: [Kind.ours, .v3_4])
    func `a member whose page is damaged while it runs is replaced`(kind: Kind) async throws {
        try await LoadedCluster.with(kind) { loaded in
            let store = StoreFile(loaded, "quickstart-2", kind)
            let process = try loaded.process(of: "quickstart-2")
            // Each batch of writes reads the root and moves it, perhaps just before it is damaged.
            try await eventually("it falls over that") {
                guard loaded.cluster.members().contains(where: { $0.pid == process }) else {
                    return true
                }
                try store.damageRoot()
                return false
            }
            try await loaded.waitForEvent("DataDamaged")
            try await loaded.settle(as: LoadedCluster.names(0, 1, 3))
        }
    }

    @Test(arguments: [Kind.ours, .v3_4])
    func `a member that holds another value than the others is found by its hash`(
        kind: Kind
    ) async throws {
        let fields = "maintenance: { hashCheck: 10s }"
        try await LoadedCluster.with(kind, fields) { loaded in
            let store = StoreFile(loaded, "quickstart-0", kind)
            let value = "what everybody holds"
            try await loaded.put("shared", value)
            try await eventually("it is in the store") { try store.holds(value) }
            try await loaded.behindTheOperatorsBack {
                try await loaded.end(["quickstart-0"])
                try store.replace(value, with: "what nobody can know")
            }
            try await loaded.waitForEvent("DataDiffers")
            try await loaded.settle(as: LoadedCluster.names(1, 2, 3))
        }
    }
}

/// The database file of a member: LMDB's of ours, bbolt's of etcd.
private struct StoreFile {
    private static let pageSize = 4096

    let path: String
    private let kind: Kind

    init(_ loaded: LoadedCluster, _ member: String, _ kind: Kind) {
        self.kind = kind
        path =
            loaded.data(of: member) + (kind == .ours ? "/member/store/data.mdb" : "/member/snap/db")
    }

    /// Fills the page at the root of all tables with zeros.
    func damageRoot() throws {
        let root = try root()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: root * UInt64(Self.pageSize))
        try file.write(contentsOf: Data(count: Self.pageSize))
        try file.close()
    }

    /// Pages 0 and 1 are heads; the one with the higher transaction counts.
    private func root() throws -> UInt64 {
        let bytes = try readFile(path)
        func number(_ offset: Int) -> UInt64 {
            bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let (transaction, root) = kind == .ours ? (144, 128) : (64, 32)
        let newer = number(transaction) > number(Self.pageSize + transaction) ? 0 : Self.pageSize
        return number(newer + root)
    }

    func holds(_ text: String) throws -> Bool {
        Data(try readFile(path)).range(of: Data(text.utf8)) != nil
    }

    /// Writes other words over all places where `text` stands, also those of pages not in use.
    func replace(_ text: String, with other: String) throws {
        var bytes = Data(try readFile(path))
        try #require(text.utf8.count == other.utf8.count)
        while let range = bytes.range(of: Data(text.utf8)) {
            bytes.replaceSubrange(range, with: Data(other.utf8))
        }
        try bytes.write(to: URL(fileURLWithPath: path))
    }
}

extension LoadedCluster {
    fileprivate func put(_ key: String, _ value: String) async throws {
        let client = EtcdClient(
            endpoint: try await cluster.endpoints()[0],
            group: MultiThreadedEventLoopGroup.singleton
        )
        let request = PutRequest.with {
            $0.key = Data(key.utf8)
            $0.value = Data(value.utf8)
        }
        try await eventually("\(key) is written") {
            (try? await client.put(request, timeout: .seconds(5))) != nil
        }
        await client.close()
    }
}
