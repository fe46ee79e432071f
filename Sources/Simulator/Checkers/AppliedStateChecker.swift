import Keyspace
import Raft

/// At the same index all members have the same revision, and at the same revision the same hash.
///
/// The revision is compared whenever a member pauses between entries, which costs nothing. The
/// hash takes a walk over all rows, so it is taken at a few revisions: of those that are multiples
/// of `interval`, each member gives the last one that it has passed.
struct AppliedStateChecker {
    static let name = "applied state equal"
    private let interval: Int64
    /// By index; 0: not known.
    private var revisions: [Int64] = []
    private struct Point: Hashable {
        let revision: Int64
        let compacted: Int64
    }
    private var hashes: [Point: UInt32] = [:]
    /// By machine: the last revision of which it gave the hash.
    private var sampled: [Int64] = []

    init(interval: Int64) {
        self.interval = interval
    }

    /// A member has applied everything up to an index, and nothing else.
    mutating func note(_ keyspace: Keyspace, of name: String, _ machine: Int) -> Violation? {
        let index = Int(keyspace.consistentIndex)
        while revisions.count <= index { revisions.append(0) }
        if revisions[index] == 0 {
            revisions[index] = keyspace.revision
        } else if revisions[index] != keyspace.revision {
            return Violation(
                Self.name,
                "at index \(index) \(name) has revision \(keyspace.revision), others had"
                    + " \(revisions[index])"
            )
        }
        let point = keyspace.revision / interval * interval
        while sampled.count <= machine { sampled.append(0) }
        guard point > sampled[machine] else { return nil }
        sampled[machine] = point
        return compareHash(of: keyspace, at: point, name)
    }

    /// Compares the hash at a revision with that of others there, compacted as far.
    mutating func compareHash(
        of keyspace: Keyspace,
        at revision: Int64,
        _ name: String
    ) -> Violation? {
        guard let hash = try? keyspace.hashKV(at: revision) else { return nil }
        let point = Point(revision: hash.hashedRevision, compacted: hash.compactRevision)
        guard let known = hashes[point] else {
            hashes[point] = hash.hash
            return nil
        }
        if known == hash.hash { return nil }
        return Violation(
            Self.name,
            "at revision \(hash.hashedRevision) \(name) has hash \(hash.hash), others had \(known)"
        )
    }

    /// A machine's process ended; its next one shows its state anew.
    mutating func forget(_ machine: Int) {
        if machine < sampled.count { sampled[machine] = 0 }
    }
}
