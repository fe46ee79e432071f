import EtcdProto
import Raft
import Storage
import SwiftProtobuf

/// A simulated member while it runs: a real write-ahead log on the world's disk, and all that
/// follows from it. What it does with others is `OperatorWorld+Consensus`.
final class Replica {
    /// Everything that can be known of a log.
    struct Story {
        var roster = Roster()
        var store: [String: String] = [:]
        var revision: Int64 = 1

        mutating func apply(_ command: Command) {
            roster.apply(command)
            switch command {
            case .put(let key, let value):
                store[key] = value
                revision += 1
            case .begin(let first): revision = first
            case .nothing, .add, .name, .promote, .remove: break
            }
        }
    }

    let id: UInt64
    let clusterID: UInt64
    let data: String
    private let wal: WAL
    /// From index 1 on.
    private(set) var log: [Entry]
    private(set) var state: HardState
    private(set) var applied = 0
    private(set) var story = Story()
    /// Whom it follows; its own id when it leads, 0 when it knows nobody.
    var leader: UInt64 = 0
    /// When it heard of the leader last, in microseconds.
    var heardAt = 0
    /// Rounds in a row in which too few answered.
    var missed = 0
    /// Its database differs from what its log says.
    var isRotten = false

    static let segmentSize: Int64 = 4 << 20

    static func folder(_ data: String) -> String { data + "/member/wal" }

    /// Makes the log of a member that begins with these commands, all of them committed.
    static func create(
        _ data: String,
        id: UInt64,
        clusterID: UInt64,
        _ commands: [Command],
        on disk: any Disk
    ) throws(WALError) {
        var owner = ServerV2Metadata()
        owner.nodeID = id
        owner.clusterID = clusterID
        let metadata: [UInt8]
        do {
            metadata = try owner.serializedBytes()
        } catch {
            fatalError("metadata cannot be encoded: \(error)")
        }
        do {
            try disk.createDirectory(data + "/member")
        } catch {
            throw .disk(error)
        }
        let wal = try WAL.create(
            on: disk,
            directory: folder(data),
            metadata: metadata,
            segmentSize: segmentSize
        )
        defer { wal.close() }
        let entries = commands.enumerated().map { position, command in
            Entry(
                term: Term(rawValue: 1),
                index: LogIndex(rawValue: UInt64(position + 1)),
                data: command.bytes
            )
        }
        guard let last = entries.last else { return }
        try wal.append(entries, hardState: HardState(term: last.term, commit: last.index))
        try wal.sync()
    }

    /// Reads what a member left.
    init(_ data: String, on disk: any Disk) throws(WALError) {
        let (wal, contents) = try WAL.open(
            on: disk,
            directory: Replica.folder(data),
            segmentSize: Replica.segmentSize
        )
        guard let owner = Replica.owner(contents.metadata) else {
            fatalError("a log of nobody in \(data)")
        }
        self.data = data
        self.wal = wal
        id = owner.member
        clusterID = owner.cluster
        log = contents.entries
        state = contents.hardState
        apply()
    }

    /// Whose log it is.
    static func owner(_ metadata: [UInt8]) -> (member: UInt64, cluster: UInt64)? {
        guard let owner = try? ServerV2Metadata(serializedBytes: metadata) else { return nil }
        return (owner.nodeID, owner.clusterID)
    }

    /// A log at rest, all of it taken for committed.
    struct Log {
        let clusterID: UInt64
        let lastTerm: Term
        let lastIndex: Int
        private(set) var story = Story()

        init(_ data: String, on disk: any Disk) throws(WALError) {
            let contents = try WAL.read(on: disk, directory: Replica.folder(data))
            clusterID = Replica.owner(contents.metadata)?.cluster ?? 0
            lastTerm = contents.entries.last?.term ?? .zero
            lastIndex = contents.entries.count
            for entry in contents.entries { story.apply(Command(entry.data)) }
        }
    }

    var lastIndex: Int { log.count }
    var lastTerm: Term { log.last?.term ?? .zero }
    var term: Term { state.term }
    var commit: Int { Int(state.commit.rawValue) }
    var roster: Roster { story.roster }
    var isLeader: Bool { leader == id }
    var isLearner: Bool { roster.member(id)?.isLearner ?? true }
    /// Commands that are not committed yet.
    var pending: [Command] { log[commit...].map { Command($0.data) } }

    /// Takes a newer term, and who it votes for in it.
    func promise(_ term: Term, vote: UInt64 = 0) throws(WALError) {
        state.term = term
        state.vote = NodeID(rawValue: vote)
        try wal.append([], hardState: state)
        try wal.sync()
    }

    /// Adds to the log; entries of others that stand in the way go.
    ///
    /// - Parameter decided: How far the log was decided when they were sent.
    func append(_ entries: [Entry], decided: Int = 0) throws(WALError) {
        guard let first = entries.first else { return }
        log.removeSubrange((Int(first.index.rawValue) - 1)...)
        log += entries
        state.commit = LogIndex(rawValue: UInt64(max(commit, min(decided, lastIndex))))
        try wal.append(entries, hardState: state)
        try wal.sync()
        apply()
    }

    func append(_ command: Command) throws(WALError) {
        let index = LogIndex(rawValue: UInt64(log.count + 1))
        try append([Entry(term: term, index: index, data: command.bytes)])
    }

    /// How far the log is decided. It gets to the disk with the next entry, as in etcd.
    func commit(to index: Int) {
        guard index > commit else { return }
        state.commit = LogIndex(rawValue: UInt64(index))
        apply()
    }

    private func apply() {
        while applied < commit {
            story.apply(Command(log[applied].data))
            applied += 1
        }
    }

    /// Of all that it held at a revision; nil when it has not come so far.
    func hash(at revision: Int64) -> UInt32? {
        guard story.revision >= revision else { return nil }
        var past = Story()
        for entry in log[..<applied] {
            if past.revision >= revision { break }
            past.apply(Command(entry.data))
        }
        var hash: UInt32 = isRotten ? 7 : 1
        for key in past.store.keys.sorted() {
            for byte in (key + (past.store[key] ?? "")).utf8 {
                hash = (hash ^ UInt32(byte)) &* 16_777_619
            }
        }
        return hash
    }

    func close() { wal.close() }
}
