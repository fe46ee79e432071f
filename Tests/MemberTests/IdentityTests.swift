import EtcdProto
import Member
import Raft
import TestKit
import Testing

/// The ids and bytes here were taken from a real etcd 3.4.23 that was started with the same flags.
@Suite struct IdentityTests {
    struct Vector: CustomTestStringConvertible {
        let cluster: String
        let token: String
        let ids: [String: String]
        let clusterID: String
        var testDescription: String { cluster }
    }

    static let vectors = [
        Vector(
            cluster: "default=http://localhost:2380",
            token: "etcd-cluster",
            ids: ["default": "8e9e05c52164694d"],
            clusterID: "cdf818194e3a8c32"
        ),
        Vector(
            cluster: "n1=http://127.0.0.1:42381,n2=http://127.0.0.1:42382,"
                + "n3=http://127.0.0.1:42383",
            token: "tok-1",
            ids: [
                "n1": "5bf461d47ced50cb", "n2": "e2908cad4b6e45d7", "n3": "4867a0ab4a56fc92",
            ],
            clusterID: "e1192f7de28dbc8"
        ),
        // Two URLs of one member, not in order, and a token with a space.
        Vector(
            cluster: #"m<1>&"q"é=http://127.0.0.1:42380,m<1>&"q"é=http://127.0.0.1:42370"#,
            token: #"a "b""#,
            ids: [#"m<1>&"q"é"#: "feebff33a5faee2f"],
            clusterID: "639a6c985e8b5cbf"
        ),
    ]

    @Test(arguments: vectors)
    func `member and cluster ids are those of real etcd`(vector: Vector) throws {
        let cluster = try InitialCluster(parsing: vector.cluster, token: vector.token)
        #expect(cluster.clusterID.description == vector.clusterID)
        #expect(cluster.members.count == vector.ids.count)
        for member in cluster.members { #expect(vector.ids[member.name] == "\(member.id)") }
        #expect(cluster.members.map(\.id) == cluster.members.map(\.id).sorted())
    }

    @Test func `bootstrap entries are those of real etcd`() throws {
        let vector = IdentityTests.vectors[1]
        let cluster = try InitialCluster(parsing: vector.cluster, token: vector.token)
        let context =
            #"{"id":5217315350879075474,"peerURLs":["http://127.0.0.1:42383"],"name":"n3"}"#
        // From the first entry of the write-ahead log: id 0, AddNode, the node, the context.
        let node: [UInt8] = [0x92, 0xF9, 0xDB, 0xD2, 0xB4, 0x95, 0xE8, 0xB3, 0x48]
        let data: [UInt8] = [0x08, 0x00, 0x10, 0x00, 0x18] + node + [0x22, 0x4C] + context.utf8
        let entries = cluster.bootstrapEntries
        #expect(entries.count == 3)
        #expect(
            entries.first
                == Entry(
                    term: Term(rawValue: 1),
                    index: LogIndex(rawValue: 1),
                    kind: .confChange,
                    data: data
                )
        )
        #expect(entries.map(\.index.rawValue) == [1, 2, 3])
        #expect(
            cluster.bootstrapState
                == HardState(term: Term(rawValue: 1), commit: LogIndex(rawValue: 3))
        )
    }

    @Test func `the log's metadata record is that of real etcd`() throws {
        let member = MemberID(rawValue: 0x5bf4_61d4_7ced_50cb)
        let cluster = ClusterID(rawValue: 0xe11_92f7_de28_dbc8)
        let bytes: [UInt8] = [
            0x08, 0xCB, 0xA1, 0xB5, 0xE7, 0xC7, 0xBA, 0x98, 0xFA, 0x5B, 0x10, 0xC8, 0xB7, 0xA3,
            0xF1, 0xFD, 0xDE, 0xE4, 0x88, 0x0E,
        ]
        #expect(Startup.metadata(member, cluster) == bytes)
        #expect(try Startup.identity(in: bytes, "/") == (member, cluster))
        #expect(throws: StartError.self) { try Startup.identity(in: [0x08], "/") }
        #expect(throws: StartError.self) { try Startup.identity(in: [], "/") }
    }

    @Test(arguments: [
        ("", "the initial cluster names no member"),
        ("a", "URL scheme must be http, https, unix, or unixs: "),
        ("a=ftp://h:1", "URL scheme must be http, https, unix, or unixs: ftp://h:1"),
        ("a=http://h", "URL address does not have the form \"host:port\": http://h"),
        ("a=http://h:1/x", "URL must not contain a path: http://h:1/x"),
        ("a=http://[::1]", "URL address does not have the form \"host:port\": http://[::1]"),
        ("a=http://h:1,b=http://h:1", "member exists with identical ID"),
        ("a=http://h:1,a=http://h:2,b=http://h:2", "has duplicate url"),
    ])
    func `a bad initial cluster is refused in etcd's words`(text: String, reason: String) {
        let error = #expect(throws: ClusterConfigurationError.self) {
            try InitialCluster(parsing: text, token: "t")
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func `URLs may have spaces around them, brackets, and an empty item between`() throws {
        let cluster = try InitialCluster(
            parsing: "a= http://[::1]:1 ,,b=unix://x:0",
            token: "t"
        )
        #expect(cluster.member(named: "a")?.peerURLs == ["http://[::1]:1"])
        #expect(cluster.member(named: "b")?.peerURLs == ["unix://x:0"])
    }

    @Test func `the own name and the advertised URLs must agree with the initial cluster`() throws {
        let cluster = try InitialCluster(
            parsing: "a=http://h:1,a=http://h:2,b=http://h:3",
            token: "t"
        )
        let local = try cluster.localMember(
            named: "a",
            advertising: ["http://h:2", "http://h:1"]
        )
        #expect(local.peerURLs == ["http://h:1", "http://h:2"])
        func refusal(_ name: String, _ urls: [String]) -> String {
            do {
                return try cluster.localMember(named: name, advertising: urls).name
            } catch {
                return "\(error)"
            }
        }
        #expect(
            refusal("c", ["http://h:1"])
                == "couldn't find local name \"c\" in the initial cluster configuration"
        )
        #expect(
            refusal("a", ["http://h:1"])
                == "--initial-cluster has a=http://h:2 but missing from "
                + "--initial-advertise-peer-urls=http://h:1"
        )
        #expect(
            refusal("b", ["http://h:3", "http://h:4"])
                == "--initial-advertise-peer-urls has http://h:4 but missing from "
                + "--initial-cluster=b=http://h:3"
        )
    }

    @Test func `a joining member takes the id that the cluster gave it`() throws {
        let cluster = try InitialCluster(parsing: "a=http://h:1,b=http://h:2", token: "other")
        let existing = [
            MemberInfo(id: MemberID(rawValue: 7), peerURLs: ["http://h:2"]),
            MemberInfo(id: MemberID(rawValue: 9), peerURLs: ["http://h:1"], name: "a"),
        ]
        #expect(try cluster.idOfMember(named: "b", in: existing).rawValue == 7)
        #expect(throws: ClusterConfigurationError.self) {
            try cluster.idOfMember(named: "b", in: [existing[0]])
        }
        #expect(throws: ClusterConfigurationError.self) {
            try cluster.idOfMember(named: "c", in: existing)
        }
    }

    @Test func `request ids follow etcd's layout and never repeat`() {
        var ids = RequestIDs(member: MemberID(rawValue: 0x12345678), startMilliseconds: 0x456789)
        #expect(ids.next() == 0x5678_0000_4567_8901)
        #expect(ids.next() == 0x5678_0000_4567_8902)
        var later = RequestIDs(member: MemberID(rawValue: 1), startMilliseconds: 0xFF_FFFF_FFFF)
        var last: UInt64 = 0
        for _ in 0..<256 { last = later.next() }
        // The counter runs into the time, and the whole wraps around below the member's bits.
        #expect(last == 0x0001_0000_0000_0000)
    }
}
