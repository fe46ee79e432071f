import EtcdProto
import Keyspace
import Logging
import Member
import Raft
import Storage
import Testing

/// A cluster of one member whose disks are done at once, driven tick by tick.
final class LoneMember {
    private(set) var member: Member
    private let disk = MemoryDisk()
    private let backend = MemoryBackend()
    private var wal: WAL
    private let first: Startup.First
    private var configure: (inout MemberConfiguration) -> Void
    /// What a crash would cost: the markers of the log, the batches of the backend.
    var losesMarkers = false
    var losesBatches = false

    private static let directory = "/data/member/wal"

    init(_ configure: @escaping (inout MemberConfiguration) -> Void = { _ in }) throws {
        let cluster = try InitialCluster(parsing: "a=http://a:1", token: "t")
        first = .bootstrap(cluster, member: try #require(cluster.member(named: "a")).id)
        self.configure = configure
        (member, wal) = try Self.open(disk, backend, first, configure)
        settle()
    }

    private static func open(
        _ disk: MemoryDisk,
        _ backend: MemoryBackend,
        _ first: Startup.First,
        _ configure: (inout MemberConfiguration) -> Void
    ) throws -> (Member, WAL) {
        let keyspace = try Keyspace(backend: backend)
        let log = try Startup.openLog(
            on: disk,
            directory: directory,
            first: first,
            applied: LogIndex(rawValue: keyspace.consistentIndex),
            segmentSize: 1 << 16
        )
        var configuration = MemberConfiguration(
            name: "a",
            memberID: log.memberID,
            clusterID: log.clusterID,
            peerURLs: ["http://a:1"],
            clientURLs: ["http://a:2"],
            seed: 1,
            startMilliseconds: 1
        )
        configure(&configuration)
        let member = try Member(
            configuration: configuration,
            keyspace: keyspace,
            backend: backend,
            contents: log.contents,
            logger: Logger(label: "a") { _ in SwiftLogNoOpLogHandler() }
        )
        return (member, log.wal)
    }

    /// A new process on the same disks, with other flags if there are some.
    func restart(_ configure: ((inout MemberConfiguration) -> Void)? = nil) throws {
        settle()
        if let configure { self.configure = configure }
        wal.close()
        backend.reopen()
        (member, wal) = try Self.open(disk, backend, first, self.configure)
        settle()
    }

    /// Takes turns until there is nothing left to do.
    func settle() {
        while true {
            let turn = member.turn(backendDue: true)
            do {
                if let log = turn.log {
                    try wal.append(log.batch.entries, hardState: log.batch.hardState)
                    if let marker = log.batch.marker, !losesMarkers { try wal.save(marker) }
                    try wal.sync()
                    member.logged(log.number)
                }
                if let batch = turn.backend, !losesBatches {
                    try backend.commit(batch)
                    member.committed(batch.number)
                }
            } catch {
                Issue.record("a disk in memory failed: \(error)")
                return
            }
            if turn.log == nil, turn.backend == nil, !turn.hasMore { return }
        }
    }

    func tick(_ times: Int = 1, missed: Int = 0) {
        for _ in 0..<times {
            member.tick(missed: missed)
            settle()
        }
    }

    /// Applies a command and gives its outcome.
    @discardableResult
    func propose(_ fill: (inout InternalRaftRequest) -> Void) throws -> ApplyResponse {
        var request = InternalRaftRequest()
        fill(&request)
        var result: Result<ApplyResponse, EtcdError>?
        member.propose(request) { result = $0 }
        settle()
        return try #require(result).get()
    }

    @discardableResult
    func grant(_ id: Int64, ttl: Int64) throws -> LeaseGrantResponse {
        let response = try propose { request in
            request.leaseGrant.id = id
            request.leaseGrant.ttl = ttl
        }
        guard case .leaseGrant(let grant) = response else { throw NoGrant() }
        return grant
    }

    struct NoGrant: Error {}

    func renew(_ id: Int64) -> Member.Renewal? {
        var renewal: Member.Renewal?
        member.renewLease(LeaseID(id)) { renewal = $0 }
        settle()
        return renewal
    }

    func remaining(_ id: Int64) throws -> Int64? {
        var result: Result<Member.LeaseInfo?, EtcdError>?
        member.leaseInfo(LeaseID(id), keys: false) { result = $0 }
        settle()
        return try #require(result).get()?.remainingTTL
    }

    func has(_ id: Int64) -> Bool { member.keyspace.lease(LeaseID(id)) != nil }
}
