package import ClusterAPI

/// A cluster that is being built anew from its survivor (safety rules 3 to 5).
///
/// It is part of the record, and each phase is durable before anything of the next is done, so that
/// an operator that dies in between goes on where this says. Up to `building` nothing of the old
/// cluster is changed; the end of `building` is the moment at which the new one takes its place.
package struct Recovery: Hashable, Sendable, Codable {
    package enum Phase: String, Hashable, Sendable, Codable {
        /// Everything that runs is ended, and proven to have ended.
        case stopping
        /// A copy of the survivor's data becomes a snapshot.
        case salvaging
        /// The snapshot becomes the data of the first member of the new cluster.
        case building
        /// The directories of the old members are stamped and put aside.
        case retiring
    }

    package var phase: Phase
    package var why: String
    package var at: Timestamp
    package var source: Source?
    package var salvaged: Salvaged?
    /// Old members whose directories are still to be put aside.
    package var retiring: [String]

    /// Where the data comes from, and what it will be; decided once.
    package struct Source: Hashable, Sendable, Codable {
        package var survivor: String
        /// Term and index of its last log entry.
        package var lastTerm: UInt64
        package var lastIndex: UInt64
        /// Entries at the end of which it did not know that they were committed.
        package var undecided: UInt64
        package var token: String

        package init(
            survivor: String,
            lastTerm: UInt64,
            lastIndex: UInt64,
            undecided: UInt64,
            token: String
        ) {
            self.survivor = survivor
            self.lastTerm = lastTerm
            self.lastIndex = lastIndex
            self.undecided = undecided
            self.token = token
        }
    }

    package struct Salvaged: Hashable, Sendable, Codable {
        /// Its path, from the cluster's directory on.
        package var snapshot: String
        /// False of a copied database, which has no checksum at its end.
        package var hasHash: Bool
        package var revision: Int64
        /// What is added to it, so that no revision is given twice.
        package var bump: Int64

        package init(snapshot: String, hasHash: Bool, revision: Int64, bump: Int64) {
            self.snapshot = snapshot
            self.hasHash = hasHash
            self.revision = revision
            self.bump = bump
        }
    }

    package init(why: String, at: Timestamp) {
        phase = .stopping
        self.why = why
        self.at = at
        retiring = []
    }
}

extension ClusterRecord {
    /// The one member of the new cluster, as it will be.
    ///
    /// - Parameter source: Its slot is that of the survivor, which never runs again.
    package func seed(of source: Recovery.Source) -> (member: Member, clusterID: String)? {
        guard let survivor = member(source.survivor) else { return nil }
        let identity = ExpectedIdentity(peerURLs: [survivor.slot.peerURL], token: source.token)
        let seed = Member(
            name: "\(name)-\(nextOrdinal)",
            ordinal: nextOrdinal,
            slot: survivor.slot,
            id: identity.memberIDs[0],
            launched: true,
            hasLog: true
        )
        return (seed, identity.clusterID)
    }

    /// From now on the cluster is the new one.
    package mutating func succeed(with seed: Member, clusterID: String, token: String) {
        let old = members
        members = [seed]
        nextOrdinal = max(nextOrdinal, seed.ordinal + 1)
        self.clusterID = clusterID
        self.token = token
        incarnation += 1
        recovery?.phase = .retiring
        recovery?.retiring = old.map(\.name)
    }
}
