package import ClusterAPI

/// The command line of a member: etcd's flags, and for our own member how new it may claim to be.
package struct MemberFlags {
    let record: ClusterRecord
    let spec: ClusterSpec

    package init(record: ClusterRecord, spec: ClusterSpec) {
        self.record = record
        self.spec = spec
    }

    /// Everything that stays the same from one start to the next (see `LaunchRecord`).
    ///
    /// - Parameter list: The members of the running cluster that it joins; nil: it is one of the
    ///   first.
    package func arguments(
        _ member: ClusterRecord.Member,
        joining list: MemberList? = nil
    ) -> [String] {
        let cluster =
            list.map { others(in: $0, of: member) }
            ?? record.members.map { "\($0.name)=\($0.slot.peerURL)" }
        return arguments(member, initialCluster: cluster.joined(separator: ","))
    }

    /// The same for one that has its data, and by that knows who is in the cluster: what it was
    /// told at first stays as it is.
    func arguments(_ member: ClusterRecord.Member, insteadOf launch: LaunchRecord) -> [String] {
        arguments(member, initialCluster: launch.value(of: "initial-cluster") ?? "")
    }

    /// What another member was launched with, under this one's name and addresses, as the first of
    /// a cluster.
    package func arguments(
        _ member: ClusterRecord.Member,
        like launch: LaunchRecord
    ) -> [String] {
        let own = LaunchRecord(program: "", sha256: "", arguments: arguments(member))
        return launch.arguments.map { argument in
            let name = String(argument.drop { $0 == "-" }.prefix { $0 != "=" })
            guard MemberFlags.identity.contains(name), let value = own.value(of: name) else {
                return argument
            }
            return "--\(name)=\(value)"
        }
    }

    /// Flags that say who a member is and where.
    private static let identity: Set<String> = [
        "name", "listen-client-urls", "advertise-client-urls", "listen-peer-urls",
        "initial-advertise-peer-urls", "initial-cluster", "initial-cluster-token",
    ]

    private func arguments(_ member: ClusterRecord.Member, initialCluster: String) -> [String] {
        let settings = spec.settings
        let client = member.slot.clientURL
        let peer = member.slot.peerURL
        var own: [(String, String)] = [
            ("name", member.name),
            ("listen-client-urls", client),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer),
            ("initial-advertise-peer-urls", peer),
            ("initial-cluster", initialCluster),
            ("initial-cluster-token", record.token),
            ("heartbeat-interval", "\(settings.heartbeatInterval.milliseconds)"),
            ("election-timeout", "\(settings.electionTimeout.milliseconds)"),
            ("snapshot-count", "\(settings.snapshotCount)"),
            ("quota-backend-bytes", "\(spec.storage.quota.bytes)"),
            ("max-request-bytes", "\(settings.maxRequestBytes.bytes)"),
        ]
        let compaction = settings.autoCompaction
        switch compaction.mode {
        // Nothing is etcd's default, and a flag that is not needed is one that cannot be wrong.
        case .disabled: break
        case .periodic:
            own.append(("auto-compaction-mode", "periodic"))
            let seconds = compaction.retention.components.seconds
            own.append(("auto-compaction-retention", "\(seconds)s"))
        case .revision:
            own.append(("auto-compaction-mode", "revision"))
            own.append(("auto-compaction-retention", "\(compaction.revisions)"))
        }
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
