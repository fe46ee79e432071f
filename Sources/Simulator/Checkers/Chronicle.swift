import EtcdProto
import FoundationEssentials
import Keyspace
import Raft
import SwiftProtobuf

/// What the committed log comes to: every change of every key, in the order of revisions.
///
/// The world carries out each committed entry once, in order, on a store of its own, which never
/// ends, is never cut short and forgets nothing. What members tell watchers, and what becomes of
/// leases, is held against it.
struct Chronicle {
    static let name = "changes are those of the log"

    /// One change of one key.
    struct Row {
        let revision: Revision
        let isTombstone: Bool
        let key: [UInt8]
        /// A tombstone's has only the key.
        let record: [UInt8]
        /// Where the change before of the same key is.
        let previous: Int?
    }

    /// What an entry was, and what came of it.
    struct Step {
        let request: InternalRaftRequest
        let outcome: Outcome
    }

    private let keyspace: Keyspace
    private(set) var rows: [Row] = []
    private var newest: [[UInt8]: Int] = [:]
    /// The furthest compaction in the log; -1 for none.
    private(set) var compacted: Int64 = -1

    init() throws {
        keyspace = try Keyspace(backend: MemoryBackend())
    }

    /// How members are configured.
    func follow(_ rules: LeaseRules) {
        keyspace.leaseRules = rules
    }

    var revision: Int64 { keyspace.revision }

    /// Notes an entry that has just been seen to be committed. Nil: it does not concern keys.
    mutating func note(_ entry: Entry) -> Step? {
        guard entry.kind == .normal, !entry.data.isEmpty,
            let request = try? InternalRaftRequest(serializedBytes: entry.data),
            !request.isAboutMembers
        else {
            keyspace.skip(index: entry.index.rawValue, term: entry.term.rawValue)
            return nil
        }
        let outcome = keyspace.apply(
            request,
            index: entry.index.rawValue,
            term: entry.term.rawValue
        )
        for change in outcome.changes { note(change) }
        if request.hasCompaction, case .success = outcome.result {
            compacted = request.compaction.revision
        }
        return Step(request: request, outcome: outcome)
    }

    private mutating func note(_ change: Change) {
        let key = Record(change.record).map { Array($0.key) } ?? []
        rows.append(
            Row(
                revision: change.revision,
                isTombstone: change.isTombstone,
                key: key,
                record: change.record,
                previous: newest[key]
            )
        )
        newest[key] = rows.count - 1
    }

    /// Where the first change of this revision, or of a later one, is.
    func position(of revision: Int64) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].revision.main < revision { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Looks at what a member says that the entries it has just applied did.
    func check(_ transactions: [[Change]], of name: String) -> Violation? {
        for changes in transactions {
            guard let main = changes.first?.revision.main else {
                return Violation(Self.name, "\(name) tells of a transaction without changes")
            }
            let told = rows[position(of: main)...].prefix { $0.revision.main == main }
            let isSame = told.elementsEqual(changes) { row, change in
                row.revision == change.revision && row.isTombstone == change.isTombstone
                    && row.record == change.record
            }
            if !isSame {
                return Violation(Self.name, "\(name) tells of others at revision \(main)")
            }
        }
        return nil
    }
}

extension InternalRaftRequest {
    fileprivate var isAboutMembers: Bool {
        hasV2 || hasClusterMemberAttrSet || hasClusterVersionSet || hasDowngradeInfoSet
    }
}
