import EtcdProto
import Keyspace
import Member
import Testing

@Suite struct CorruptionCheckTests {
    private func hash(_ sum: UInt32, at revision: Int64 = 9, compacted: Int64 = 3) -> KeyspaceHash {
        KeyspaceHash(hash: sum, compactRevision: compacted, hashedRevision: revision)
    }

    private func peer(
        _ id: UInt64,
        _ hash: KeyspaceHash,
        now revision: Int64 = 9
    ) -> (id: MemberID, answer: PeerHash) {
        let id = MemberID(rawValue: id)
        let cluster = ClusterID(rawValue: 1)
        return (
            id,
            PeerHash(hash, clusterID: cluster, memberID: id, revision: revision, term: 2)
        )
    }

    private func suspect(
        _ first: KeyspaceHash,
        _ second: KeyspaceHash,
        _ peers: [(id: MemberID, answer: PeerHash)]
    ) -> UInt64? {
        CorruptionCheck.suspect(
            leader: MemberID(rawValue: 1),
            first,
            second,
            peers: peers
        )?.rawValue
    }

    @Test func `equal sums and what cannot be compared raise nothing`() {
        #expect(suspect(hash(7), hash(8, at: 12), [peer(2, hash(7)), peer(3, hash(7))]) == nil)
        // It has not compacted yet.
        #expect(suspect(hash(7), hash(7), [peer(2, hash(4, compacted: 2))]) == nil)
        #expect(suspect(hash(7), hash(7), []) == nil)
    }

    @Test func `a different sum, or being ahead of the leader, is wrong`() {
        #expect(suspect(hash(7), hash(7), [peer(2, hash(7)), peer(3, hash(6))]) == 3)
        #expect(suspect(hash(7), hash(8, at: 12), [peer(2, hash(7), now: 13)]) == 2)
        #expect(suspect(hash(7), hash(8, at: 12), [peer(2, hash(7), now: 12)]) == nil)
        #expect(suspect(hash(7), hash(7), [peer(2, hash(4, compacted: 4))]) == 2)
    }

    @Test func `a leader that gives two sums for one revision accuses itself`() {
        #expect(suspect(hash(7), hash(6), [peer(2, hash(8))]) == 1)
        #expect(suspect(hash(7), hash(6, compacted: 4), []) == nil)
    }

    @Test func `at start only sums below the same compaction count`() {
        let peers = [
            peer(2, hash(7)), peer(3, hash(8, compacted: 4)), peer(4, hash(8)),
        ]
        let differing = CorruptionCheck.differing(from: hash(7), peers: peers)
        #expect(differing == [MemberID(rawValue: 4)])
    }

    private func verdict(_ sums: [UInt32?]) -> ([UInt64], Bool) {
        let peers = sums.enumerated().map { offset, sum in
            let id = MemberID(rawValue: UInt64(offset) + 2)
            let answer = sum.map { peer(id.rawValue, hash($0, compacted: $0 == 99 ? 2 : 3)).answer }
            return (id: id, answer: answer)
        }
        let verdict = CorruptionCheck.atCompaction(
            leader: MemberID(rawValue: 1),
            hash(7),
            peers: peers
        )
        return (verdict.suspects.map(\.rawValue), verdict.isComplete)
    }

    @Test(
        arguments: [
            ([7, 7], [], true),
            // One does not answer, or had compacted otherwise before.
            ([7, nil], [], false), ([7, 99], [], false), ([nil, nil], [], false),
            ([7, 6], [3], true), ([6, 6], [1], true), ([6, 6, 7, 6], [1, 4], true),
            // Nobody can say who is right.
            ([6, 5], [0], true), ([6], [0], true), ([6, nil, nil], [0], true),
            ([7, 7, nil, 6], [5], true),
        ] as [([UInt32?], [UInt64], Bool)]
    )
    func `what a majority had at a compaction is right`(
        sums: [UInt32?],
        suspects: [UInt64],
        isComplete: Bool
    ) {
        #expect(verdict(sums) == (suspects, isComplete))
    }

    @Test func `an answer is written as Go writes it and read again`() throws {
        let answer = peer(0xF000_0000_0000_0001, hash(5, compacted: -1), now: 12).answer
        let text = String(decoding: answer.json, as: UTF8.self)
        #expect(
            text == """
                {"header":{"cluster_id":1,"member_id":17293822569102704641,"revision":12,\
                "raft_term":2},"hash":5,"compact_revision":-1,"hash_revision":9}
                """
        )
        #expect(try PeerHash(json: answer.json) == answer)
    }

    @Test func `the answer of etcd 3 point 5 says less`() throws {
        let text = #"{"header":{"revision":4},"hash":4294967295,"compact_revision":-1}"#
        let answer = try PeerHash(json: Array(text.utf8))
        #expect(answer.hash == hash(4_294_967_295, at: 0, compacted: -1))
        #expect(answer.revision == 4)
    }

    @Test(arguments: ["", "[]", #"{"hash":-1}"#, #"{"hash":4294967296}"#, #"{"revision":1.5}"#])
    func `anything else is an error`(text: String) {
        if text.contains("revision") {
            #expect(throws: JSONError.self) { try PeerHash.revision(inQuestion: Array(text.utf8)) }
        } else {
            #expect(throws: JSONError.self) { try PeerHash(json: Array(text.utf8)) }
        }
    }

    @Test func `questions are read as Go reads them`() throws {
        #expect(PeerHash.question(9) == Array(#"{"revision":9}"#.utf8))
        #expect(PeerHash.question(0) == Array("{}".utf8))
        #expect(try PeerHash.revision(inQuestion: Array("{}".utf8)) == 0)
        #expect(try PeerHash.revision(inQuestion: Array(#"{"revision": -4}"#.utf8)) == -4)
    }
}
