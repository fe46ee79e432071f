package import Planning

/// Programs that work on data at rest.
package protocol RecoveryTools: Sendable {
    /// Makes a snapshot of everything that a copy of a member's data holds. The copy is used up.
    ///
    /// - Returns: Where the snapshot is and its revision, without the bump.
    func salvage(_ copy: SurvivorCopy) async throws(OperatorError) -> Recovery.Salvaged

    /// Makes the data directory of a cluster's only member.
    func restore(_ member: FirstMember) async throws(OperatorError)
}

/// A copy of a survivor's data.
package struct SurvivorCopy: Hashable, Sendable {
    /// The folder in which work is done.
    package var folder: String
    /// The value of `--data-dir`.
    package var data: String
    /// The name that the survivor was started with.
    package var name: String
    /// The member's own program, for a real etcd; nil: it is one of ours.
    package var etcd: String?

    package init(folder: String, data: String, name: String, etcd: String?) {
        self.folder = folder
        self.data = data
        self.name = name
        self.etcd = etcd
    }
}

/// What a new cluster begins with.
package struct FirstMember: Hashable, Sendable {
    package var snapshot: String
    package var salvaged: Recovery.Salvaged
    package var data: String
    package var name: String
    package var peerURL: String
    package var token: String
    /// The member will be a real etcd.
    package var isEtcd: Bool
    package var log: String
}
