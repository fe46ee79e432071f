import EtcdProto
import Foundation
import Keyspace
import Logging
import Member
import Raft
import Storage
import SwiftProtobuf
import TestKit
import Testing

/// What a member makes of what it finds on its disks.
@Suite struct StartTests {
    static let directory = "/data/member/wal"

    private func cluster() throws -> (InitialCluster, MemberID) {
        let cluster = try InitialCluster(parsing: "a=http://a:1,b=http://b:1", token: "t")
        return (cluster, try #require(cluster.member(named: "a")).id)
    }

    private func open(
        _ disk: MemoryDisk,
        _ first: Startup.First?,
        applied: UInt64 = 0
    ) throws -> Startup.OpenLog {
        try Startup.openLog(
            on: disk,
            directory: StartTests.directory,
            first: first,
            applied: LogIndex(rawValue: applied)
        )
    }

    private func member(_ log: Startup.OpenLog, _ backend: MemoryBackend) throws -> Member {
        try Member(
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
    }

    @Test func `a first start writes the bootstrap entries before anything else`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        let log = try open(disk, .bootstrap(cluster, member: id))
        #expect(log.isFirstStart)
        #expect(log.contents.entries == cluster.bootstrapEntries)
        #expect(log.contents.hardState == cluster.bootstrapState)
        // What it returned with is durable.
        let after = try open(disk.afterPowerLoss(seed: 1, tear: .nothing), nil)
        #expect(!after.isFirstStart)
        #expect(after.memberID == id)
        #expect(after.clusterID == cluster.clusterID)
        #expect(after.contents.entries == cluster.bootstrapEntries)
    }

    @Test func `a first start that was cut off is done again`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        let wal = try WAL.create(
            on: disk,
            directory: StartTests.directory,
            metadata: Startup.metadata(id, cluster.clusterID)
        )
        try wal.append([cluster.bootstrapEntries[0]], hardState: nil)
        try wal.sync()
        wal.close()
        let log = try open(disk, .bootstrap(cluster, member: id))
        #expect(log.isFirstStart)
        #expect(log.contents.entries == cluster.bootstrapEntries)
        #expect(log.contents.hardState == cluster.bootstrapState)
    }

    @Test func `with a log at hand the flags about the cluster are ignored`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        _ = try open(disk, .bootstrap(cluster, member: id))
        let other = try InitialCluster(parsing: "a=http://x:1", token: "other")
        let log = try open(disk, .bootstrap(other, member: other.members[0].id))
        #expect(log.memberID == id)
        #expect(log.clusterID == cluster.clusterID)
    }

    @Test func `a log without entries of another member is not taken over`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        _ = try open(disk, .join(ClusterID(rawValue: 7), member: MemberID(rawValue: 8)))
        let error = #expect(throws: StartError.self) {
            try open(disk, .bootstrap(cluster, member: id))
        }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("member 8 of cluster 7"))
    }

    @Test func `a keyspace whose log is gone does not start an empty one`() throws {
        let (cluster, id) = try cluster()
        let error = #expect(throws: StartError.self) {
            try open(MemoryDisk(), .bootstrap(cluster, member: id), applied: 12)
        }
        #expect(error?.description.contains("index 12") == true)
        #expect(throws: StartError.self) { try open(MemoryDisk(), nil) }
    }

    @Test func `a log that ends before what the backend has applied is refused`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        let log = try open(disk, .bootstrap(cluster, member: id))
        let backend = MemoryBackend()
        let keyspace = try Keyspace(backend: backend)
        keyspace.skip(index: 3, term: 1)
        try backend.commit(try #require(keyspace.sealBatch()))
        backend.reopen()
        let error = #expect(throws: StartError.self) { try member(log, backend) }
        #expect(error?.description.contains("ends at index 2") == true)
    }

    @Test func `a hard state beyond the log is refused`() throws {
        let (cluster, id) = try cluster()
        let disk = MemoryDisk()
        let first = try open(disk, .bootstrap(cluster, member: id))
        try first.wal.append(
            [],
            hardState: HardState(term: Term(rawValue: 1), commit: LogIndex(rawValue: 9))
        )
        try first.wal.sync()
        first.wal.close()
        #expect(throws: StartError.self) { try open(disk, nil) }
    }

    /// The requests are the bytes that a real etcd 3.4.23 had in its log.
    @Test func `v2 requests of older members are understood`() throws {
        let cluster = try InitialCluster(
            parsing: IdentityTests.vectors[1].cluster,
            token: IdentityTests.vectors[1].token
        )
        let disk = MemoryDisk()
        let id = cluster.members[0].id
        let first = try open(disk, .bootstrap(cluster, member: id))
        let flags: [UInt8] = [
            0x28, 0, 0x32, 0, 0x38, 0, 0x48, 0, 0x50, 0, 0x58, 0, 0x60, 0, 0x68, 0, 0x70, 0, 0x78,
            0, 0x80, 1, 0,
        ]
        let put: [UInt8] = [0x12, 3] + Array("PUT".utf8)
        let path = Array("/0/members/5bf461d47ced50cb/attributes".utf8)
        let value = Array(#"{"name":"n1","clientURLs":["http://127.0.0.1:42391"]}"#.utf8)
        let requestID: [UInt8] = [0x08, 0x81, 0xF6, 0xA3, 0xA4, 0xAD, 0xC0, 0xE8, 0xE5, 0x50]
        let attributes = requestID + put + [0x1A, 38] + path + [0x22, 53] + value + flags
        let version =
            requestID + put + [0x1A, 10] + Array("/0/version".utf8) + [0x22, 5]
            + Array("3.4.0".utf8) + flags
        let sync: [UInt8] = requestID + [0x12, 4] + Array("SYNC".utf8) + flags
        var inner = InternalRaftRequest()
        inner.v2 = try ServerV2Request(serializedBytes: version)
        inner.v2.val = "3.5.0"
        let datas = [
            attributes, version, sync, Array("PUTgarbage".utf8), [],
            try inner.serializedBytes() as [UInt8],
        ]
        let entries = datas.enumerated().map { position, data in
            Entry(
                term: Term(rawValue: 2),
                index: LogIndex(rawValue: UInt64(position) + 4),
                data: data
            )
        }
        try first.wal.append(
            entries,
            hardState: HardState(term: Term(rawValue: 2), commit: LogIndex(rawValue: 9))
        )
        try first.wal.sync()
        let backend = MemoryBackend()
        let member = try member(try open(disk, nil), backend)
        while member.turn().hasMore {}
        #expect(member.appliedIndex.rawValue == 9)
        #expect(member.keyspace.consistentIndex == 9)
        #expect(member.membership.clusterVersion == ServerVersion(major: 3, minor: 5))
        let n1 = member.membership.members.first { $0.name == "n1" }
        #expect(n1?.clientURLs == ["http://127.0.0.1:42391"])

        // The records are those that etcd's backend held.
        func rows(_ bucket: Bucket) -> [String] {
            member.keyspace.bucketEntries(bucket).map { key, value in
                String(decoding: key, as: UTF8.self) + String(decoding: value, as: UTF8.self)
            }
        }
        #expect(
            rows(.members) == [
                #"4867a0ab4a56fc92{"id":5217315350879075474,"peerURLs":["#
                    + #""http://127.0.0.1:42383"],"name":"n3"}"#,
                #"5bf461d47ced50cb{"id":6626028517025730763,"peerURLs":["#
                    + #""http://127.0.0.1:42381"],"name":"n1","#
                    + #""clientURLs":["http://127.0.0.1:42391"]}"#,
                #"e2908cad4b6e45d7{"id":16325703325140796887,"peerURLs":["#
                    + #""http://127.0.0.1:42382"],"name":"n2"}"#,
            ]
        )
        #expect(rows(.cluster) == ["clusterVersion3.5.0"])
        #expect(
            rows(.meta).contains(
                #"confState{"voters":[5217315350879075474,6626028517025730763,"#
                    + #"16325703325140796887],"auto_leave":false}"#
            )
        )
    }
}
