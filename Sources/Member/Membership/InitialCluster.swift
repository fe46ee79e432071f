package import EtcdProto
package import Raft

/// The members that `--initial-cluster` names, with the ids that follow from it.
///
/// Every first member computes the same from the same flags, with nobody to ask (etcd's rule):
///
///     member id  = first 8 bytes of SHA-1(sorted peer URLs, joined + token)
///     cluster id = first 8 bytes of SHA-1(8-byte member ids in ascending order)
///
/// so that `default=http://localhost:2380` with the token `etcd-cluster` is member
/// 8e9e05c52164694d of cluster cdf818194e3a8c32. All numbers are big-endian.
package struct InitialCluster: Hashable, Sendable {
    package let token: String
    /// In ascending order of their ids; none is empty, no URL is there twice.
    package let members: [MemberInfo]
    package let clusterID: ClusterID

    /// Reads `name=url,name=url`; a name may come several times, once for each of its URLs.
    package init(parsing text: String, token: String) throws(ClusterConfigurationError) {
        var names: [String] = []
        var urls: [String: [String]] = [:]
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if urls[name] == nil { names.append(name) }
            urls[name, default: []].append(parts.count > 1 ? String(parts[1]) : "")
        }
        guard !names.isEmpty else {
            throw ClusterConfigurationError("the initial cluster names no member")
        }
        var members: [MemberInfo] = []
        for name in names {
            let sorted = try ClusterURL.sorted(urls[name] ?? [])
            let id = InitialCluster.memberID(peerURLs: sorted, token: token)
            members.append(MemberInfo(id: id, peerURLs: sorted, name: name))
        }
        try self.init(members: members, token: token, text: text)
    }

    private init(
        members: [MemberInfo],
        token: String,
        text: String
    ) throws(ClusterConfigurationError) {
        let sorted = members.sorted { $0.id < $1.id }
        for (member, next) in zip(sorted, sorted.dropFirst()) where member.id == next.id {
            throw ClusterConfigurationError("member exists with identical ID \(member.id)")
        }
        let urls = sorted.flatMap(\.peerURLs)
        guard Set(urls).count == urls.count else {
            throw ClusterConfigurationError("initial cluster \(text) has duplicate url")
        }
        guard sorted.allSatisfy({ $0.id != .none }) else {
            throw ClusterConfigurationError("cannot use 0 as member id")
        }
        self.members = sorted
        self.token = token
        self.clusterID = InitialCluster.clusterID(of: sorted.map(\.id))
    }

    package func member(named name: String) -> MemberInfo? {
        members.first { $0.name == name }
    }

    /// The id that etcd gives to a member with these URLs. A member added to a running cluster is
    /// given the time as well, so that one that was removed can come back under a new id.
    package static func memberID(
        peerURLs: [String],
        token: String,
        addedAtUnixSeconds: Int64? = nil
    ) -> MemberID {
        var text = peerURLs.sortedByBytes().joined() + token
        if let addedAtUnixSeconds { text += String(addedAtUnixSeconds) }
        return MemberID(rawValue: SHA1.id(of: Array(text.utf8)))
    }

    static func clusterID(of members: [MemberID]) -> ClusterID {
        var bytes: [UInt8] = []
        for member in members.sorted() { bytes.append(bigEndian: member.rawValue) }
        return ClusterID(rawValue: SHA1.id(of: bytes))
    }
}

// Checks against the other flags and against a cluster that exists.
extension InitialCluster {
    /// The member that this process is; its URLs here must be the ones that it advertises.
    package func localMember(
        named name: String,
        advertising peerURLs: [String]
    ) throws(ClusterConfigurationError) -> MemberInfo {
        guard let member = member(named: name) else {
            throw ClusterConfigurationError(
                "couldn't find local name \"\(name)\" in the initial cluster configuration"
            )
        }
        let advertised = try ClusterURL.sorted(peerURLs)
        let missing = member.peerURLs.filter { !advertised.contains($0) }
        guard missing.isEmpty else {
            throw ClusterConfigurationError(
                "--initial-cluster has \(InitialCluster.text(name, missing)) but missing from "
                    + "--initial-advertise-peer-urls=\(advertised.joined(separator: ","))"
            )
        }
        let surplus = advertised.filter { !member.peerURLs.contains($0) }
        guard surplus.isEmpty else {
            throw ClusterConfigurationError(
                "--initial-advertise-peer-urls has \(surplus.joined(separator: ",")) but missing "
                    + "from --initial-cluster=\(InitialCluster.text(name, member.peerURLs))"
            )
        }
        return member
    }

    /// The id that the running cluster gave to the member of this name: both must list the same
    /// members, which are told apart by their URLs.
    package func idOfMember(
        named name: String,
        in existing: [MemberInfo]
    ) throws(ClusterConfigurationError) -> MemberID {
        guard existing.count == members.count else {
            throw ClusterConfigurationError(
                "error validating peerURLs: member count is unequal"
                    + " (\(members.count) in --initial-cluster, \(existing.count) in the cluster)"
            )
        }
        var found: MemberID?
        for member in existing {
            let urls = member.peerURLs.sortedByBytes()
            guard let local = members.first(where: { $0.peerURLs == urls }) else {
                throw ClusterConfigurationError(
                    "error validating peerURLs: no match found for existing member "
                        + "(\(member.id), \(urls.joined(separator: ",")))"
                )
            }
            if local.name == name { found = member.id }
        }
        guard let found else {
            throw ClusterConfigurationError(
                "couldn't find local name \"\(name)\" in the initial cluster configuration"
            )
        }
        return found
    }

    private static func text(_ name: String, _ urls: [String]) -> String {
        urls.map { "\(name)=\($0)" }.joined(separator: ",")
    }
}

// What the log of every first member begins with.
extension InitialCluster {
    /// One committed `AddNode` for each member, in ascending order of ids, at term 1. All first
    /// members write the same, so that they agree without having talked.
    package var bootstrapEntries: [Entry] {
        members.enumerated().map { position, member in
            let change = ConfChange(
                kind: .addNode,
                node: member.id.node,
                context: member.json
            )
            return Entry(
                term: Term(rawValue: 1),
                index: LogIndex(rawValue: UInt64(position) + 1),
                kind: .confChange,
                data: change.encoded()
            )
        }
    }

    /// Says that all bootstrap entries are committed.
    package var bootstrapState: HardState {
        HardState(
            term: Term(rawValue: 1),
            commit: LogIndex(rawValue: UInt64(members.count))
        )
    }
}
