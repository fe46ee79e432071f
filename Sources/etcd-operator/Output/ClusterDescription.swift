import ClusterAPI

/// Everything known of one cluster, for people.
struct ClusterDescription {
    let cluster: EtcdCluster
    let events: [Event]
    let watcher: OperatorPresence
    /// Events shown; `events` has them all.
    private let maxEvents = 12

    init(_ cluster: EtcdCluster, events: [Event], watcher: OperatorPresence) {
        self.cluster = cluster
        self.events = events
        self.watcher = watcher
    }

    var text: String {
        [heading, conditions, members, plan, spec, happenings]
            .filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var heading: String {
        let status = cluster.status
        var lines = [
            pair("Name", cluster.metadata.name),
            pair("Namespace", cluster.metadata.namespace),
            pair("Labels", list(cluster.metadata.labels)),
            pair("Annotations", list(cluster.metadata.annotations)),
            pair("Status", status?.phase ?? "Pending"),
            pair("Ready", "\(cluster.readiness) members"),
            pair("Cluster ID", status?.clusterID ?? ""),
            pair("Leader", status?.leader ?? ""),
            pair("Revision", status?.revision.map { "\($0)" } ?? ""),
            pair("Version", status?.version ?? ""),
            pair("DB size", status?.dbSize.map { Quantity(bytes: $0).rounded } ?? ""),
            pair("Generation", generation),
            pair("Last change", status.map { "\($0.updated)" } ?? "never"),
            pair("Operator", watcher.processID.map { "process \($0)" } ?? "not running"),
        ]
        if let endpoints = status?.endpoints, !endpoints.isEmpty {
            lines.append(pair("Endpoints", endpoints.joined(separator: ",")))
        }
        return lines.joined()
    }

    private var generation: String {
        let observed = cluster.status?.observedGeneration ?? 0
        let current = cluster.metadata.generation
        return observed == current ? "\(current)" : "\(current) (observed: \(observed))"
    }

    private var conditions: String {
        guard let conditions = cluster.status?.conditions, !conditions.isEmpty else { return "" }
        var table = Table(["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"])
        for condition in conditions {
            let since = Timestamp(seconds: condition.lastTransitionTime.seconds).description
            table.add([
                condition.type.rawValue, condition.status.rawValue, since, condition.reason,
                condition.message,
            ])
        }
        return section("Conditions", table.text)
    }

    private var members: String {
        guard let members = cluster.status?.members, !members.isEmpty else { return "" }
        var table = Table([
            "NAME", "ID", "ROLE", "HEALTH", "PID", "RESTARTS", "CLIENT URL", "PEER URL", "MESSAGE",
        ])
        for member in members {
            table.add([
                member.name, member.id ?? "", member.role.rawValue, member.health.rawValue,
                member.processID.map { "\($0)" } ?? "", "\(member.restarts)", member.clientURL,
                member.peerURL, member.message,
            ])
        }
        return section("Members", table.text)
    }

    private var plan: String {
        guard let plan = cluster.status?.plan else { return "" }
        var lines = pair("Next", plan.next ?? "nothing") + pair("Reason", plan.reason)
        if let waiting = plan.waitingFor { lines += pair("Waiting for", waiting) }
        if let blocked = plan.blockedBy { lines += pair("Blocked by", blocked) }
        return section("Plan", lines)
    }

    private var spec: String {
        section("Spec", cluster.tree["spec"]?.yaml ?? "")
    }

    private var happenings: String {
        guard !events.isEmpty else { return section("Events", "none\n") }
        var table = Table(["TIME", "TYPE", "REASON", "MESSAGE"])
        for event in events.suffix(maxEvents) {
            let time = Timestamp(seconds: event.time.seconds).description
            table.add([time, event.type.rawValue, event.reason, event.repeated])
        }
        let older = events.count - min(events.count, maxEvents)
        let more =
            older == 0
            ? "" : "\(older) older: etcd-operator events \(cluster.name.argument)\n"
        return section("Events", table.text + more)
    }

    private func section(_ title: String, _ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return "\(title):\n" + lines.map { "  \($0)\n" }.joined()
    }

    private func pair(_ name: String, _ value: String) -> String {
        let label = "\(name):"
        let gap = String(repeating: " ", count: max(1, 14 - label.count))
        return label + gap + (value.isEmpty ? "-" : value) + "\n"
    }

    private func list(_ entries: [String: String]) -> String {
        entries.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: ", ")
    }
}
