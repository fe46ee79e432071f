import ClusterAPI

/// Everything known of one cluster, for people.
struct ClusterDescription {
    let cluster: EtcdCluster
    let events: [Event]
    let watcher: OperatorPresence
    private let layout: Layout
    /// Events shown; `events` has them all.
    private let maxEvents = 12

    /// - Parameter width: That of the screen, if somebody looks at one.
    init(_ cluster: EtcdCluster, events: [Event], watcher: OperatorPresence, width: Int?) {
        self.cluster = cluster
        self.events = events
        self.watcher = watcher
        layout = Layout(width: width)
    }

    var text: String {
        [heading, conditions, members, plan, spec, happenings]
            .filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var heading: String {
        let status = cluster.status
        return [
            layout.pair("Name", cluster.metadata.name),
            layout.pair("Namespace", cluster.metadata.namespace),
            layout.pair("UID", cluster.metadata.uid),
            layout.pair("Labels", list(cluster.metadata.labels)),
            layout.pair("Annotations", list(cluster.metadata.annotations)),
            layout.pair("Status", status?.phase ?? "Pending"),
            layout.pair("Ready", "\(cluster.readiness) members"),
            layout.pair("Cluster ID", status?.clusterID ?? ""),
            layout.pair("Incarnation", status.map { "\($0.incarnation)" } ?? ""),
            layout.pair("Leader", status?.leader ?? ""),
            layout.pair("Revision", status?.revision.map { "\($0)" } ?? ""),
            layout.pair("Version", status?.version ?? ""),
            layout.pair("DB size", status?.dbSize.map { Quantity(bytes: $0).rounded } ?? ""),
            layout.pair("Generation", cluster.generations),
            layout.pair("Last change", status.map { "\($0.updated)" } ?? "never"),
            layout.pair("Operator", watcher.processID.map { "process \($0)" } ?? "not running"),
            layout.pair("Endpoints", status?.endpoints ?? []),
        ].joined()
    }

    private var conditions: String {
        guard let conditions = cluster.status?.conditions, !conditions.isEmpty else { return "" }
        return layout.section("Conditions", Table(conditions))
    }

    /// One paragraph for each, since all that is known of a member is wider than a screen.
    private var members: String {
        guard let members = cluster.status?.members, !members.isEmpty else { return "" }
        return layout.section("Members", members.map(paragraph).joined())
    }

    private func paragraph(_ member: MemberStatus) -> String {
        let inner = layout.inner.inner
        let since = Timestamp(seconds: member.since.seconds)
        let process = member.processID.map { "process \($0)" } ?? "no process"
        let restarts = member.restarts == 1 ? "1 restart" : "\(member.restarts) restarts"
        var facts = ["revision \(member.revision.map { "\($0)" } ?? "unknown")"]
        if let size = member.dbSize { facts.append(Quantity(bytes: size).rounded) }
        if let version = member.version { facts.append("version \(version)") }
        var lines = [
            inner.pair(
                "State",
                "\(member.role.rawValue), \(member.health.rawValue) since \(since)"
            ),
            inner.pair("Process", "\(process), \(restarts)"),
            inner.pair("Data", facts.joined(separator: ", ")),
            inner.pair("ID", "\(member.id ?? "unknown"), slot \(member.slot)"),
            inner.pair("Client URL", member.clientURL),
            inner.pair("Peer URL", member.peerURL),
        ]
        if !member.message.isEmpty { lines.append(inner.pair("Message", member.message)) }
        return layout.section(member.name, lines.joined())
    }

    private var plan: String {
        guard let plan = cluster.status?.plan else { return "" }
        return layout.section("Plan", plan.text(layout.inner))
    }

    private var spec: String {
        layout.section("Spec", cluster.tree["spec"]?.yaml ?? "")
    }

    private var happenings: String {
        guard !events.isEmpty else { return layout.section("Events", "none\n") }
        var table = Table(["TIME", "TYPE", "REASON", "MESSAGE"])
        for event in events.suffix(maxEvents) {
            let time = Timestamp(seconds: event.time.seconds).description
            table.add([time, event.type.rawValue, event.reason, event.repeated])
        }
        let older = events.count - min(events.count, maxEvents)
        let more =
            older == 0
            ? "" : "\(older) older: etcd-operator events \(cluster.name.argument)\n"
        return layout.section("Events", table.text(within: layout.inner.width) + more)
    }

    private func list(_ entries: [String: String]) -> String {
        entries.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: ", ")
    }
}

extension EtcdCluster {
    /// The generation of the spec, and which one the status speaks of if that is another.
    var generations: String {
        let observed = status?.observedGeneration ?? 0
        let current = metadata.generation
        return observed == current ? "\(current)" : "\(current) (observed: \(observed))"
    }
}

extension Table {
    init(_ conditions: [Condition]) {
        self.init(["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"])
        for condition in conditions {
            let since = Timestamp(seconds: condition.lastTransitionTime.seconds).description
            add([
                condition.type.rawValue, condition.status.rawValue, since, condition.reason,
                condition.message,
            ])
        }
    }
}

extension PlanStatus {
    func text(_ layout: Layout) -> String {
        var lines = layout.pair("Next", next ?? "nothing") + layout.pair("Reason", reason)
        if let waitingFor { lines += layout.pair("Waiting for", waitingFor) }
        if let blockedBy { lines += layout.pair("Blocked by", blockedBy) }
        return lines
    }
}
