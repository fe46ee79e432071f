import Raft

/// What the log of a member that does not run any more knows: read from its data directory, ours or
/// a real etcd's, to find the one from which a cluster without a majority is rebuilt.
///
/// The greatest is the one whose last entry has the highest term, and among those the highest
/// index: the one that the others would elect. The term of the hard state says nothing, since a
/// member that was cut off counts it up by itself:
///
///     member   hard state        last entry
///     a        term 9, commit 4  term 2, index 4     cut off, and a candidate ever since
///     b        term 3, commit 6  term 3, index 7     the greatest: entry 7 may be acknowledged
///     c        term 3, commit 6  term 3, index 6
///
/// Numbers are plain here, because those who ask know nothing of Raft.
package struct Survivor: Sendable {
    /// The end of a log.
    package struct Position: Hashable, Comparable, Sendable, CustomStringConvertible {
        package let term: UInt64
        package let index: UInt64

        package init(term: UInt64, index: UInt64) {
            self.term = term
            self.index = index
        }

        package static func < (left: Position, right: Position) -> Bool {
            (left.term, left.index) < (right.term, right.index)
        }

        package var description: String { "index \(index) of term \(term)" }
    }

    /// Whose form of keyspace lies beside the log.
    package enum Engine: String, Hashable, Sendable {
        /// `etcd-member`: LMDB in `member/store`.
        case embedded
        /// A real etcd: bbolt in `member/snap/db`.
        case etcd
    }

    package let engine: Engine
    package let memberID: UInt64
    package let clusterID: UInt64
    /// The hard state. What a snapshot marker covers is committed, whatever `commit` says.
    package let term: UInt64
    package let vote: UInt64
    package let commit: UInt64
    /// The last entry; the snapshot that the log begins with when there is none behind it.
    package let last: Position
    /// The write that a loss of power cut off at the end, if there is one. That is nothing unusual:
    /// nobody was told of it.
    package let tornTail: WAL.TornTail?

    /// So many entries at the end are not known to be committed. Any of them may be acknowledged
    /// all the same.
    package var undecidedEntries: UInt64 { last.index - min(commit, last.index) }
}

extension Survivor: Comparable {
    package static func == (left: Survivor, right: Survivor) -> Bool {
        left.rank == right.rank
    }

    package static func < (left: Survivor, right: Survivor) -> Bool {
        left.rank < right.rank
    }

    /// Of equal logs any will do; the member's id only makes the choice the same each time.
    private var rank: (Position, UInt64) { (last, memberID) }
}

extension Survivor {
    /// Reads the log below a data directory and changes nothing. The member must not run.
    ///
    /// What it throws says what has become of the directory: `.corrupt` and `.noMarker` that the
    /// log is damaged, `.absent` that there is none, and `.disk` that nothing is known.
    package static func read(
        dataDirectory path: String,
        on disk: any Disk
    ) throws(WALError) -> Survivor {
        let member = Path.join(Path.withoutTrailingSlash(path), "member")
        let contents = try WAL.read(on: disk, directory: Path.join(member, "wal"))
        guard let (memberID, clusterID) = owner(in: contents.metadata) else {
            throw .corrupt(
                file: Path.join(member, "wal"),
                offset: 0,
                index: .zero,
                reason: "its metadata name no member"
            )
        }
        return Survivor(
            engine: try engine(member, on: disk),
            memberID: memberID,
            clusterID: clusterID,
            term: contents.hardState.term.rawValue,
            vote: contents.hardState.vote.rawValue,
            commit: contents.hardState.commit.rawValue,
            last: Position(
                term: (contents.entries.last?.term ?? contents.marker.term).rawValue,
                index: contents.lastIndex.rawValue
            ),
            tornTail: contents.tornTail
        )
    }

    /// A real etcd makes `snap` at its first start; this program never does.
    private static func engine(
        _ member: String,
        on disk: any Disk
    ) throws(WALError) -> Engine {
        do {
            return try disk.status(Path.join(member, "snap")) == nil ? .embedded : .etcd
        } catch {
            throw .disk(error)
        }
    }

    /// `etcdserverpb.Metadata`: 1 member, 2 cluster.
    private static func owner(in metadata: [UInt8]) -> (member: UInt64, cluster: UInt64)? {
        var member: UInt64 = 0
        var cluster: UInt64 = 0
        var scanner = FieldScanner(metadata, 0..<metadata.count)
        while !scanner.isAtEnd {
            guard let field = scanner.next() else { return nil }
            switch (field.number, field.value) {
            case (1, .varint(let value)): member = value
            case (2, .varint(let value)): cluster = value
            default: break
            }
        }
        return member == 0 || cluster == 0 ? nil : (member, cluster)
    }
}
