import Foundation
import Raft
import Storage
import TestKit
import Testing

/// The proof of the format: real etcd's log is read here, and real etcd runs on one written here.
@Suite(.serialized) struct EtcdTests {
    @Test(.realEtcd, .timeLimit(.minutes(2)))
    func `etcd's log is read, and etcd goes on from one written from it`() async throws {
        let directory = try TemporaryDirectory("storage-etcd")
        defer { directory.remove() }
        let theirs = "\(directory.path)/theirs"
        let first = try await RealEtcd(data: theirs)
        do {
            for number in 1...20 {
                _ = try await first.control(["put", "key\(number)", "value\(number)"])
            }
            try await first.stop()
        } catch {
            try await first.stop()
            throw error
        }

        let contents = try WAL.read(on: FileDisk(), directory: "\(theirs)/member/wal")
        #expect(contents.marker == .zero)
        #expect(contents.tornTail == nil)
        #expect(!contents.metadata.isEmpty)
        #expect(contents.entries.map(\.index.rawValue) == Array(1...UInt64(contents.entries.count)))
        #expect(contents.entries.first?.kind == .confChange)
        #expect(contents.hardState.commit <= contents.lastIndex)
        #expect(contents.hardState.vote != .none)
        for number in 1...20 {
            #expect(
                contents.entries.contains { $0.data.contains(Array("value\(number)".utf8)) }
            )
        }

        let ours = "\(directory.path)/ours"
        try FileDisk().createDirectory("\(ours)/member/snap")
        let wal = try WAL.create(
            on: FileDisk(),
            directory: "\(ours)/member/wal",
            metadata: contents.metadata,
            segmentSize: 512
        )
        for entry in contents.entries {
            try wal.append([entry], hardState: nil)
            try wal.sync()
        }
        try wal.append([], hardState: contents.hardState)
        try wal.sync()
        wal.close()
        #expect(try FileDisk().list("\(ours)/member/wal").count > 2)

        let second = try await RealEtcd(data: ours)
        do {
            let answer = try await second.control(["get", "key7", "--print-value-only"])
            #expect(answer.output == "value7\n")
            _ = try await second.control(["put", "key21", "value21"])
            try await second.stop()
        } catch {
            try await second.stop()
            throw error
        }
        let more = try WAL.read(on: FileDisk(), directory: "\(ours)/member/wal")
        #expect(more.entries.starts(with: contents.entries))
        #expect(more.entries.contains { $0.data.contains(Array("value21".utf8)) })
    }
}
