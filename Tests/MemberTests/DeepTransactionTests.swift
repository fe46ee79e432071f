import EtcdProto
import Foundation
import Keyspace
import Logging
import Member
import Raft
import Storage
import SwiftProtobuf
import Testing

/// Transactions within transactions, as deep as a client may send them, mean the same to the
/// member that proposes them and to those that read them from the log.
@Suite struct DeepTransactionTests {
    @Test func `every transaction that a client may send can be read from the log`() throws {
        var accepted = 0
        for depth in [1, 48, 49, 50, 51] + Array(120..<160) {
            let bytes = deepTransaction(depth)
            guard
                let txn = try? TxnRequest(serializedBytes: bytes, options: .clientRequest)
            else { continue }
            accepted = depth
            let request = InternalRaftRequest.with {
                $0.header.id = 7
                $0.txn = txn
            }
            let entry: [UInt8] = try request.serializedBytes()
            #expect(
                try InternalRaftRequest(serializedBytes: entry, options: .logEntry) == request,
                "\(depth)"
            )
        }
        // As many as the default of --max-txn-ops allows.
        #expect(accepted >= 128)
        #expect(accepted < 200)
    }

    @Test(arguments: [1, 49, 50, 128])
    func `a transaction of many levels is applied from the log`(depth: Int) throws {
        let cluster = try InitialCluster(parsing: "a=http://a:1", token: "t")
        let id = cluster.members[0].id
        let disk = MemoryDisk()
        func open(_ first: Startup.First?) throws -> Startup.OpenLog {
            try Startup.openLog(
                on: disk,
                directory: "/data/member/wal",
                first: first,
                applied: .zero
            )
        }
        let first = try open(.bootstrap(cluster, member: id))
        // Field 100, id 7; field 6, the transaction.
        let txn = deepTransaction(depth)
        let data = [0xA2, 0x06, 2, 8, 7] + field(6, txn)
        try first.wal.append(
            [Entry(term: Term(rawValue: 1), index: LogIndex(rawValue: 2), data: data)],
            hardState: HardState(term: Term(rawValue: 1), commit: LogIndex(rawValue: 2))
        )
        try first.wal.sync()
        first.wal.close()
        let log = try open(nil)
        let backend = MemoryBackend()
        let member = try Member(
            configuration: MemberConfiguration(
                name: "a",
                memberID: log.memberID,
                clusterID: log.clusterID,
                peerURLs: ["http://a:1"],
                clientURLs: ["http://a:2"],
                seed: 1,
                startMilliseconds: 1
            ),
            keyspace: Keyspace(backend: backend),
            backend: backend,
            contents: log.contents,
            logger: Logger(label: "a") { _ in SwiftLogNoOpLogHandler() }
        )
        while member.turn().hasMore {}
        #expect(member.appliedIndex.rawValue == 2)
        #expect(member.keyspace.revision == 2)
        let rows = try member.keyspace.range(.with { $0.key = Data("k".utf8) }).kvs
        #expect(rows.map(\.value) == [Data("v".utf8)])
    }

    /// A put of k inside so many transactions, encoded.
    private func deepTransaction(_ depth: Int) -> [UInt8] {
        var operation = field(2, field(1, Array("k".utf8)) + field(2, Array("v".utf8)))
        var transaction = field(2, operation)
        for _ in 1..<depth {
            operation = field(4, transaction)
            transaction = field(2, operation)
        }
        return transaction
    }

    /// A length-delimited field.
    private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = content.count
        while rest >= 0x80 {
            length.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return [number << 3 | 2] + length + [UInt8(rest)] + content
    }
}
