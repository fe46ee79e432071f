import EtcdProto
import Keyspace
import Member
import Testing

@Suite struct MembershipTests {
    static let a = MemberInfo(id: MemberID(rawValue: 1), peerURLs: ["http://a:1"], name: "a")
    static let b = MemberInfo(id: MemberID(rawValue: 2), peerURLs: ["http://b:1"], name: "b")
    static let c = MemberInfo(id: MemberID(rawValue: 3), peerURLs: ["http://c:1"])
    static let learner = MemberInfo(
        id: MemberID(rawValue: 4),
        peerURLs: ["http://d:1"],
        isLearner: true
    )

    /// The first two are records of a real etcd's `members` bucket.
    @Test(arguments: [
        #"{"id":5217315350879075474,"peerURLs":["http://127.0.0.1:42383"],"name":"n3","#
            + #""clientURLs":["http://127.0.0.1:42393"]}"#,
        #"{"id":18369056102453800495,"peerURLs":["http://127.0.0.1:42370","#
            + #""http://127.0.0.1:42380"],"name":"m\u003c1\u003e\u0026\"q\"é"}"#,
        #"{"id":1,"peerURLs":["http://h:1"],"isLearner":true}"#,
        #"{"id":18446744073709551615,"peerURLs":null}"#,
        #"{"id":0,"peerURLs":["\\\u2028\u2029\n\r\t\b\f\u0000\u001f"],"name":"\u003e"}"#,
    ])
    func `a member's JSON is read and written byte for byte as etcd's`(text: String) throws {
        let member = try MemberInfo(json: Array(text.utf8))
        #expect(String(decoding: member.json, as: UTF8.self) == text)
    }

    @Test func `ids above 2^53 are kept exactly, in lists too`() throws {
        let text = #" [ {"id" : 9007199254740993, "peerURLs":["x"], "later":[{}, 1.5e3, null]} ] "#
        let members = try MemberInfo.list(json: Array(text.utf8))
        #expect(members.map(\.id.rawValue) == [9_007_199_254_740_993])
        #expect(
            String(decoding: MemberInfo.json(list: members), as: UTF8.self)
                == #"[{"id":9007199254740993,"peerURLs":["x"]}]"#
        )
    }

    @Test(arguments: [
        "", "{", "[]", "1", #"{"id":-1}"#, #"{"id":1.0}"#, #"{"id":"1"}"#,
        #"{"id":18446744073709551616}"#, #"{"id":1}x"#, #"{"peerURLs":"x"}"#,
        #"{"peerURLs":[1]}"#, #"{"name":1}"#, #"{"isLearner":0}"#, "{\"name\":\"\n\"}",
        #"{"name":"\x"}"#, #"{"name":"\u12"}"#, #"{"id":01}"#, #"{"id":1,}"#, #"{"a":tru}"#,
        #"{"name":"abc"#, #"{"a":"# + String(repeating: "[", count: 100_000),
    ])
    func `what is not a member's JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try MemberInfo(json: Array(text.utf8)) }
    }

    @Test func `every prefix and every flipped byte of a record is read or refused`() throws {
        let bytes = MembershipTests.a.json
        for count in bytes.indices {
            #expect(throws: JSONError.self) { try MemberInfo(json: Array(bytes[..<count])) }
            for bit in 0..<8 {
                var changed = bytes
                changed[count] ^= 1 << bit
                _ = try? MemberInfo(json: changed)
            }
        }
    }

    @Test(arguments: [
        (MembershipChange.add(learner), 1, nil),
        (.add(learner), 0, EtcdError.tooManyLearners),
        (.add(a), 1, .memberExist),
        (
            .add(MemberInfo(id: MemberID(rawValue: 9), peerURLs: ["http://x:1", "http://b:1"])),
            1, .peerURLExist
        ),
        (.remove(MemberID(rawValue: 2)), 1, nil),
        (.remove(MemberID(rawValue: 9)), 1, .memberNotFound),
        (.promote(MemberID(rawValue: 2)), 1, .memberNotLearner),
        (.promote(MemberID(rawValue: 9)), 1, .memberNotFound),
        (.update(MemberInfo(id: MemberID(rawValue: 1), peerURLs: ["http://a:1"])), 1, nil),
        (
            .update(MemberInfo(id: MemberID(rawValue: 1), peerURLs: ["http://b:1"])),
            1, .peerURLExist
        ),
        (
            .update(MemberInfo(id: MemberID(rawValue: 9), peerURLs: ["http://y:1"])),
            1, .memberNotFound
        ),
    ])
    func `changes are validated as etcd does`(
        change: MembershipChange,
        maxLearners: Int,
        expected: EtcdError?
    ) {
        let membership = Membership(members: [MembershipTests.b, MembershipTests.a])
        #expect(membership.problem(with: change, maxLearners: maxLearners) == expected)
    }

    @Test func `the last voter cannot be removed`() {
        let membership = Membership(members: [MembershipTests.a, MembershipTests.learner])
        let change = MembershipChange.remove(MembershipTests.a.id)
        #expect(membership.problem(with: change, maxLearners: 1) == .memberNotEnoughStarted)
    }

    @Test func `members that have not started limit what may change`() {
        let one = Membership(members: [MembershipTests.a])
        #expect(one.canAddVoter)
        let two = Membership(members: [MembershipTests.a, MembershipTests.b])
        #expect(two.canAddVoter)
        let withNew = Membership(members: [MembershipTests.a, MembershipTests.c])
        #expect(!withNew.canAddVoter)
        #expect(withNew.canRemoveVoter(MembershipTests.c.id))
        #expect(!withNew.canRemoveVoter(MembershipTests.a.id))
        #expect(!one.canRemoveVoter(MembershipTests.a.id))
        #expect(Membership(members: [MembershipTests.a, MembershipTests.learner]).canPromote)
        #expect(withNew.canPromote)
    }

    @Test(arguments: [
        ("3.6.1", ServerVersion(major: 3, minor: 6, patch: 1)),
        ("3.5.0-rc.1+git", ServerVersion(major: 3, minor: 5)),
        ("not_decided", nil), ("3.5", nil), ("3.5.x", nil), ("3.5.0.1", nil), ("-3.5.0", nil),
        ("3.5.99999999999", nil), ("+3.5.0", nil), ("", nil),
    ])
    func `versions are read strictly`(text: String, version: ServerVersion?) {
        #expect(ServerVersion(text) == version)
    }

    @Test func `versions are ordered by their numbers`() {
        #expect(ServerVersion(major: 3, minor: 10) > ServerVersion(major: 3, minor: 9, patch: 9))
        #expect(ServerVersion(major: 3, minor: 5, patch: 9).withoutPatch.description == "3.5.0")
    }
}
