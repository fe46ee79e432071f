import ClusterAPI
import Planning

/// The command line of a member: etcd's flags, and for our own member how new it may claim to be.
struct MemberFlags {
    let record: ClusterRecord
    let spec: ClusterSpec

    /// Everything that stays the same over the member's life (see `LaunchRecord`).
    ///
    /// - Parameter list: The members of the running cluster that it joins; nil: it is one of the
    ///   first.
    func arguments(_ member: ClusterRecord.Member, joining list: MemberList? = nil) -> [String] {
        let settings = spec.settings
        let client = record.clientURL(of: member)
        let peer = record.peerURL(of: member)
        let cluster =
            list.map { others(in: $0, of: member) }
            ?? record.members.map { "\($0.name)=\(record.peerURL(of: $0))" }
        var own: [(String, String)] = [
            ("name", member.name),
            ("listen-client-urls", client),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer),
            ("initial-advertise-peer-urls", peer),
            ("initial-cluster", cluster.joined(separator: ",")),
            ("initial-cluster-token", record.token),
            ("heartbeat-interval", "\(settings.heartbeatInterval.milliseconds)"),
            ("election-timeout", "\(settings.electionTimeout.milliseconds)"),
            ("snapshot-count", "\(settings.snapshotCount)"),
            ("quota-backend-bytes", "\(spec.storage.quota.bytes)"),
            ("max-request-bytes", "\(settings.maxRequestBytes.bytes)"),
        ]
        if case .embedded(let compatibility) = spec.engine {
            own.append(("compatibility", compatibility))
        }
        return (own + settings.extraArgs.map { ($0.name, $0.value) }).map { "--\($0.0)=\($0.1)" }
    }

    /// A member that joins must name all that are listed. Only its own name matters: for one that
    /// has not told its name yet the id will do.
    private func others(in list: MemberList, of member: ClusterRecord.Member) -> [String] {
        list.entries.flatMap { entry in
            let name = entry.id == member.id ? member.name : entry.name
            return entry.peerURLs.map { "\(name.isEmpty ? entry.id : name)=\($0)" }
        }
    }
}

extension Duration {
    /// Whole milliseconds, as etcd's flags take them.
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
