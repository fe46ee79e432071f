import EtcdProto
import Foundation
import Member
import TestKit
import Testing

/// The members as etcd's v2 store holds them.
@Suite struct V2StoreTests {
    private static func node(
        _ path: String,
        _ index: Int,
        value: String = "",
        children: String = "null"
    ) -> String {
        #"{"Path":"\#(path)","CreatedIndex":\#(index),"ModifiedIndex":\#(index),"#
            + #""ExpireTime":"0001-01-01T00:00:00Z","Value":"\#(value)","Children":\#(children)}"#
    }

    /// What a real etcd 3.5.1 saved after it had started, added a learner and removed it again.
    private static var real: String {
        let attributes = #"{\"name\":\"m1\",\"clientURLs\":[\"http://127.0.0.1:26379\"]}"#
        let raftAttributes = #"{\"peerURLs\":[\"http://127.0.0.1:26380\"]}"#
        let id = "8876210cd96651c6"
        let gone = "b05a4d331fe95a94"
        let of = "/0/members/\(id)"
        let member =
            #"{"attributes":\#(node(of + "/attributes", 2, value: attributes)),"#
            + #""raftAttributes":\#(node(of + "/raftAttributes", 1, value: raftAttributes))}"#
        let members = #"{"\#(id)":\#(node(of, 1, children: member))}"#
        let removed = #"{"\#(gone)":\#(node("/0/removed_members/\(gone)", 6))}"#
        let cluster =
            #"{"members":\#(node("/0/members", 1, children: members)),"#
            + #""removed_members":\#(node("/0/removed_members", 6, children: removed)),"#
            + #""version":\#(node("/0/version", 3, value: "3.5.0"))}"#
        let top =
            #"{"0":\#(node("/0", 0, children: cluster)),"1":\#(node("/1", 0, children: "{}"))}"#
        let event =
            #"{"action":"create","node":{"key":"/0/members/\#(id)/raftAttributes","#
            + #""value":"\#(raftAttributes)","modifiedIndex":1,"createdIndex":1}}"#
        return #"{"Root":\#(node("/", 0, children: top)),"WatcherHub":{"EventHistory":{"Queue":"#
            + #"{"Events":[\#(event),null,null],"Size":6,"Front":0,"Back":6,"Capacity":1000},"#
            + #""StartIndex":1,"LastIndex":6}},"CurrentIndex":6,"Stats":{"getsSuccess":26,"#
            + #""getsFail":9,"watchers":0},"CurrentVersion":2}"#
    }

    @Test func `what a real etcd wrote is read`() throws {
        let membership = try Membership(v2Store: Array(Self.real.utf8))
        #expect(
            membership.members == [
                MemberInfo(
                    id: MemberID(rawValue: 0x8876_210c_d966_51c6),
                    peerURLs: ["http://127.0.0.1:26380"],
                    name: "m1",
                    clientURLs: ["http://127.0.0.1:26379"]
                )
            ]
        )
        #expect(membership.removed == [MemberID(rawValue: 0xb05a_4d33_1fe9_5a94)])
        #expect(membership.clusterVersion == ServerVersion(major: 3, minor: 5))
    }

    @Test func `nodes are written as a real etcd writes them`() throws {
        let membership = try Membership(v2Store: Array(Self.real.utf8))
        let text = String(decoding: membership.v2Store, as: UTF8.self)
        // Only the numbers of writes differ: ours leave out what was undone.
        let root = try #require(Self.real.components(separatedBy: #","WatcherHub""#).first)
        let renumbered =
            root
            .replacing(#""CreatedIndex":3,"ModifiedIndex":3"#, with: "version")
            .replacing(#""CreatedIndex":6,"ModifiedIndex":6"#, with: "removed")
            .replacing("version,", with: #""CreatedIndex":4,"ModifiedIndex":4,"#)
            .replacing("removed,", with: #""CreatedIndex":3,"ModifiedIndex":3,"#)
        #expect(text == renumbered + #","CurrentIndex":4,"CurrentVersion":2}"#)
    }

    @Test(arguments: Seed.batch(50))
    func `members are read back as they were written`(seed: Seed) throws {
        var generator = seed.generator()
        var membership = Membership()
        var left = try (0..<generator.within(1...5)).map { _ in
            let hasStarted = generator.chance(0.7)
            return try MemberInfo(
                json: MemberInfo(
                    id: MemberID(rawValue: generator.next()),
                    peerURLs: ["http://h\(generator.below(9)):2380", "https://[::1]:1?a=<&>\"\\é"],
                    isLearner: generator.chance(0.2),
                    name: hasStarted ? "n\"\u{2028}\n\(generator.below(9))" : "",
                    clientURLs: hasStarted ? ["http://h:2379"] : []
                ).json
            )
        }
        left.shuffle()
        membership = Membership(members: left)
        let read = try Membership(v2Store: membership.v2Store)
        #expect(read == membership)
    }

    @Test func `no members and no version make a store all the same`() throws {
        let empty = Membership()
        #expect(try Membership(v2Store: empty.v2Store) == empty)
        let top = ["0", "1"].map { #""\#($0)":"# + Self.node("/" + $0, 0, children: "{}") }
        let root = Self.node("/", 0, children: "{" + top.joined(separator: ",") + "}")
        #expect(
            String(decoding: empty.v2Store, as: UTF8.self)
                == #"{"Root":\#(root),"CurrentIndex":0,"CurrentVersion":2}"#
        )
    }

    @Test(arguments: [
        "", "{}", "null", #"{"Root":null}"#, #"{"Root":{"Children":null}}"#,
        #"{"Root":{"Children":[]}}"#, #"{"Root":{"Children":{"0":7}}"#,
        #"{"Root":{"Children":{"0":{"Children":{"members":{"Children":{"xyz":{}}}}}}}}"#,
        #"{"Root":{"Children":{"0":{"Children":{"members":{"Children":{"1":{}}}}}}}}"#,
        #"{"Root":{"Children":{"0":{"Children":{"members":{"Children":{"1":{"Children":"#
            + #"{"raftAttributes":{"Value":"[1"}}}}}}}}}}"#,
        #"{"Root":{"Children":{"0":{"Children":{"version":{"Value":"not_decided"}}}}}}"#,
    ])
    func `what is no store is an error`(text: String) {
        #expect(throws: JSONError.self) { try Membership(v2Store: Array(text.utf8)) }
    }

    @Test func `every prefix and every flipped bit is read or refused`() throws {
        let bytes = Array(Self.real.utf8)
        for position in bytes.indices {
            #expect(throws: JSONError.self) { try Membership(v2Store: Array(bytes[..<position])) }
            var changed = bytes
            changed[position] ^= 1 << (position % 8)
            _ = try? Membership(v2Store: changed)
        }
    }
}
