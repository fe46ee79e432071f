import ClusterAPI
import Operator

/// What `run` tells of an operator at work: lines that stay, and a few that are renewed in place.
///
/// It decides words only; where they go is the display's business.
struct RunReport {
    struct Line: Equatable {
        let text: String
        var isProblem = false
    }

    /// The state directory, once it is known to be ours.
    private var root = ""
    private var statuses: [ClusterName: ClusterStatus] = [:]
    private var announced: Set<ClusterName> = []
    let stateOption: String
    let stopsOnExit: Bool
    let terminal: Terminal

    init(stateOption: String, stopsOnExit: Bool, terminal: Terminal) {
        self.stateOption = stateOption
        self.stopsOnExit = stopsOnExit
        self.terminal = terminal
    }

    /// Takes in one piece of news and returns the lines that tell it.
    mutating func lines(for progress: Progress) -> [Line] {
        switch progress {
        case .started(let stateDirectory, let isNew, let adopted):
            root = stateDirectory
            let members = adopted == 1 ? "1 running member" : "\(adopted) running members"
            let adoption = adopted == 0 ? "" : "; found \(members) and left them as they are"
            let novelty =
                isNew
                ? ", which is new. Were clusters kept there before, then end this: their disk "
                    + "is not mounted" : ""
            return [Line(text: "State is kept in \(root)\(novelty)\(adoption).")]
        case .specProblem(let text):
            // A YAML problem ends with its excerpt and a newline.
            let lines = text.split(separator: "\n").map(String.init)
            let after = "  It is read again when it changes; what was accepted before goes on."
            return (lines + [after]).map { Line(text: $0, isProblem: true) }
        case .event(let event):
            if event.reason == "Discarded" { forget(event.cluster) }
            return [line(for: event)]
        case .status(let name, let status): return change(of: name, to: status)
        case .leaving(let running, let stopped): return farewell(running: running, stopped: stopped)
        }
    }

    /// The cluster is no more; another may come to have its name.
    private mutating func forget(_ cluster: String) {
        for name in statuses.keys where name.description == cluster {
            statuses[name] = nil
            announced.remove(name)
        }
    }

    private func line(for event: Event) -> Line {
        let time = event.time.description.dropFirst(11).prefix(8)
        let cluster = shortName(event.cluster)
        let reason =
            event.type == .warning
            ? terminal.paint(event.reason, .yellow) : terminal.paint(event.reason, .green)
        let text = "\(terminal.paint("\(time)", .grey))  \(cluster)  \(reason)  \(event.repeated)"
        return Line(text: text)
    }

    private mutating func change(of name: ClusterName, to status: ClusterStatus) -> [Line] {
        let isFirst = statuses.updateValue(status, forKey: name) == nil
        let isReady = status.condition(.ready)?.status == .true
        if isReady, !status.endpoints.isEmpty, announced.insert(name).inserted {
            return announcement(of: name, status)
        }
        // A cluster that stands still for a reason says so once; the rest is told by events.
        guard isFirst, let blocked = status.plan?.blockedBy else { return [] }
        let reason = status.plan?.reason ?? ""
        return [Line(text: "\(shortName(name.description)) waits: \(reason) (\(blocked))")]
    }

    /// What a user wants once a cluster serves: where, and something to try.
    private func announcement(of name: ClusterName, _ status: ClusterStatus) -> [Line] {
        let endpoints = status.endpoints.joined(separator: ",")
        let state = stateOption.isEmpty ? "" : " \(stateOption)"
        return [
            "",
            terminal.bold(
                "\(name.name) is ready: "
                    + "\(status.readyReplicas) of \(status.replicas) members serve."
            ),
            "",
            "  endpoints  \(endpoints)",
            "",
            "  Try it (ETCDCTL_API=3 matters only to an etcdctl older than 3.4):",
            "",
            "    ETCDCTL_API=3 etcdctl --endpoints=\(endpoints) put hello world",
            "",
            "  In another terminal:",
            "    etcd-operator get etcdclusters -A\(state)",
            "    etcd-operator describe etcdcluster \(name.argument)\(state)",
            "",
            "  " + interruption(name, state),
            "",
        ].map { Line(text: $0) }
    }

    private func interruption(_ name: ClusterName, _ state: String) -> String {
        stopsOnExit
            ? "Ctrl-C stops the operator and its members; their data stays."
            : "Ctrl-C stops only the operator; members run on until "
                + "`etcd-operator down \(name.argument)\(state)`."
    }

    private func farewell(running: Int, stopped: Int) -> [Line] {
        if stopped > 0 || running == 0 {
            let members = stopped == 1 ? "1 member" : "\(stopped) members"
            let what =
                stopped == 0 ? "No members run." : "Stopped \(members); the data stays in \(root)."
            return [Line(text: what)]
        }
        let state = stateOption.isEmpty ? "" : " \(stateOption)"
        let members = running == 1 ? "1 member keeps" : "\(running) members keep"
        return [
            Line(text: "The operator has stopped; \(members) running and serving."),
            Line(text: "  Stop them:      etcd-operator down --all -A\(state)"),
            Line(text: "  Manage again:   run the same command; it adopts them"),
        ]
    }

    /// The lines that are renewed: each cluster and its members.
    var region: [String] {
        statuses.sorted { $0.key < $1.key }.flatMap { name, status in
            [headline(name, status)] + status.members.map { member in row(member) }
        }
    }

    private func headline(_ name: ClusterName, _ status: ClusterStatus) -> String {
        let doing = status.plan.flatMap { $0.waitingFor.map { "waiting for \($0)" } ?? $0.next }
        let revision = status.revision.map { "  revision \($0)" } ?? ""
        let state = "\(status.phase), \(status.readyReplicas)/\(status.replicas) ready"
        return "\(terminal.bold(shortName(name.description)))  \(state)\(revision)"
            + (doing.map { "  \(terminal.paint($0, .grey))" } ?? "")
    }

    private func row(_ member: MemberStatus) -> String {
        let mark: String =
            switch member.health {
            case .healthy: terminal.paint("●", .green)
            case .starting: terminal.paint("◌", .yellow)
            case .unhealthy, .stopped: terminal.paint("●", .red)
            case .unknown: terminal.paint("○", .grey)
            }
        let state = member.health == .healthy ? member.role.rawValue : member.health.rawValue
        let message = member.message.isEmpty ? "" : "  \(member.message)"
        return "  \(mark) \(member.name)  \(state)  \(member.clientURL)\(message)"
    }

    private func shortName(_ cluster: String) -> String {
        let prefix = "\(ClusterName.defaultNamespace)/"
        return cluster.hasPrefix(prefix) ? String(cluster.dropFirst(prefix.count)) : cluster
    }
}
