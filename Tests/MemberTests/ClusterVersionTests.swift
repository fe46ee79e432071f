import EtcdProto
import Keyspace
import Member
import Raft
import Testing

/// What a member stores of the cluster's version, and which it can live with.
@Suite struct ClusterVersionTests {
    private static let (v3_5, v3_6) = (
        ServerVersion(major: 3, minor: 5), ServerVersion(major: 3, minor: 6)
    )

    private func lone(_ version: ServerVersion = v3_6) throws -> LoneMember {
        try LoneMember { $0.serverVersion = version }
    }

    private func set(_ version: ServerVersion, on lone: LoneMember) throws {
        _ = try lone.propose { $0.clusterVersionSet.ver = version.description }
    }

    private func record(of lone: LoneMember) -> String? {
        lone.member.keyspace.bucketValue(.meta, MetaKey.storageVersion)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `the schema's version follows the cluster's from 3_6 on`() throws {
        let lone = try lone(Self.v3_5)
        lone.tick(20)
        #expect(lone.member.membership.clusterVersion == Self.v3_5)
        #expect(record(of: lone) == nil)
        #expect(lone.member.status.storageVersion == Self.v3_5)

        try lone.restart { $0.serverVersion = Self.v3_6 }
        lone.tick(20)
        #expect(lone.member.membership.clusterVersion == Self.v3_6)
        #expect(record(of: lone) == "3.6.0")
        #expect(lone.member.status.storageVersion == Self.v3_6)

        try set(Self.v3_5, on: lone)
        #expect(record(of: lone) == nil)
        #expect(lone.member.status.storageVersion == Self.v3_5)
    }

    @Test func `who joins a downgraded cluster never sees the higher version in the log`() throws {
        let lone = try lone()
        lone.tick(20)
        #expect(lone.member.logTerm(at: LogIndex(rawValue: 1)) != nil)
        let before = lone.member.lastLogIndex
        try set(Self.v3_5, on: lone)
        #expect(lone.member.logTerm(at: before) == nil)
        try lone.restart { $0.serverVersion = Self.v3_5 }
        #expect(lone.member.logTerm(at: before) == nil)
        #expect(lone.member.membership.clusterVersion == Self.v3_5)
    }

    @Test func `a crash before the log is cut off is made up for`() throws {
        let lone = try lone()
        lone.tick(20)
        let before = lone.member.lastLogIndex
        lone.losesMarkers = true
        try set(Self.v3_5, on: lone)
        lone.losesMarkers = false
        try lone.restart { $0.serverVersion = Self.v3_5 }
        lone.tick(20)
        #expect(lone.member.logTerm(at: before) == nil)
    }

    @Test func `a member refuses to start in a cluster above its version`() throws {
        let lone = try lone()
        lone.tick(20)
        let refusal = #expect(throws: StartError.self) {
            try lone.restart { $0.serverVersion = Self.v3_5 }
        }
        #expect(refusal == .versionTooLow(own: Self.v3_5, cluster: Self.v3_6))
    }

    @Test func `it starts when the log brings the version down`() throws {
        let lone = try lone()
        lone.tick(20)
        lone.losesBatches = true
        try set(Self.v3_5, on: lone)
        lone.losesBatches = false
        try lone.restart { $0.serverVersion = Self.v3_5 }
        #expect(lone.member.membership.clusterVersion == Self.v3_5)
    }
}
