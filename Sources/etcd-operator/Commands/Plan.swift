import ArgumentParser
import ClusterAPI
import Operator

struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what the operator does next about clusters, and why not sooner.",
        discussion: """
            The next step and its reason, what it waits for, what blocks it, the conditions that \
            are not as they should be and the members that do not serve. Works with and without a \
            running operator; without, it is what the last one meant to do. With --watch it is \
            said again whenever it changes, until Ctrl-C.

            EXAMPLES
              etcd-operator plan quickstart
              etcd-operator plan ec/quickstart --watch
              etcd-operator plan -A -o table
              etcd-operator plan quickstart -o json | jq .plan.blockedBy
            """
    )

    @OptionGroup var scope: ClusterScope

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "How to print it; in words without this."
    )
    var format: OutputFormat?

    @OptionGroup var watching: WatchOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        guard !watching.watch else { return try await watch(directory) }
        let reports = try reports(in: directory)
        if reports.isEmpty, format?.isTable ?? true {
            Terminal.standardError.write("No clusters in \(directory.root)\n")
            return
        }
        let text =
            format?.text(of: reports, asList: scope.words.isEmpty, namespaces: scope.allNamespaces)
            ?? inWords(reports)
        Terminal.standardOutput.write(text)
        if format?.isTable ?? true {
            Terminal.standardError.write(OperatorPresence(directory).note(directory))
        }
    }

    private func watch(_ directory: StateDirectory) async throws {
        let changes = try StateWatch()
        var shown: [ClusterName: PlanReport] = [:]
        var stream = format.map { PrintStream<PlanReport>($0, namespaces: scope.allNamespaces) }
        var presence = PresenceNote()
        if !scope.words.isEmpty { _ = try reports(in: directory) }
        var isFirst = true
        try await untilInterrupted(changes) {
            changes.add(try directory.watchedFolders { _ in true })
            if format?.isTable ?? true { presence.tell(directory) }
            // A cluster that was deleted, or is not there yet, has no plan.
            let all = try reports(in: directory, orNone: true)
            let new = all.filter { report in
                shown[report.cluster.name].map { !report.says($0) } ?? true
            }
            shown = Dictionary(uniqueKeysWithValues: all.map { ($0.cluster.name, $0) })
            if new.isEmpty { return true }
            defer { isFirst = false }
            let text = stream?.text(of: new) ?? (isFirst ? "" : "\n") + inWords(new)
            return Terminal.standardOutput.write(text)
        }
    }

    private func reports(
        in directory: StateDirectory,
        orNone: Bool = false
    ) throws -> [PlanReport] {
        let clusters: [EtcdCluster]
        if let name = try scope.one {
            let found = orNone ? try directory.cluster(name).resource() : nil
            clusters = orNone ? found.map { [$0] } ?? [] : [try directory.resource(name)]
        } else {
            clusters = try directory.resources().filter { try scope.contains($0.name) }
        }
        let operatorID = OperatorPresence(directory).processID
        return clusters.map { PlanReport(cluster: $0, operatorID: operatorID) }
    }

    private func inWords(_ reports: [PlanReport]) -> String {
        let layout = Layout(width: Terminal.standardOutput.columns)
        return reports.map { $0.text(layout) }.joined(separator: "\n\n")
    }
}

extension PlanReport {
    /// True when nothing that is told of the plan differs; a revision that grows is no news.
    fileprivate func says(_ other: PlanReport) -> Bool {
        told == other.told
    }

    private var told: PlanReport {
        var cluster = cluster
        cluster.status?.updated = Timestamp(seconds: 0)
        cluster.status?.revision = nil
        cluster.status?.dbSize = nil
        cluster.status?.leader = nil
        for index in cluster.status?.members.indices ?? 0..<0 {
            cluster.status?.members[index].revision = nil
            cluster.status?.members[index].dbSize = nil
            cluster.status?.members[index].role = .unknown
        }
        return PlanReport(cluster: cluster, operatorID: operatorID)
    }
}
