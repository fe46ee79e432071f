import ClusterAPI

/// What the operator will do next about one cluster and why not sooner, and what is not as it
/// should be meanwhile.
struct PlanReport: Hashable {
    let cluster: EtcdCluster
    /// The operator at work, if there is one.
    let operatorID: Int32?

    private var plan: PlanStatus? { cluster.status?.plan }

    /// Those that say something worse than that all is well.
    private var conditions: [Condition] {
        (cluster.status?.conditions ?? []).filter { !$0.isAsItShouldBe }
    }

    private var members: [MemberStatus] {
        (cluster.status?.members ?? []).filter { $0.health != .healthy }
    }

    /// For people.
    func text(_ layout: Layout) -> String {
        let status = cluster.status
        var heading = [
            layout.pair("Name", cluster.metadata.name),
            layout.pair("Namespace", cluster.metadata.namespace),
            layout.pair(
                "Status",
                "\(status?.phase ?? "Pending"), \(cluster.readiness) members ready"
            ),
            layout.pair("Generation", cluster.generations),
        ].joined()
        heading += plan?.text(layout) ?? layout.pair("Next", "unknown: no operator has looked yet")
        let change = status.map { "\($0.updated)" } ?? "never"
        let author = operatorID.map { "process \($0)" } ?? "one that has ended"
        heading += layout.pair("Last change", "\(change), told by the operator: \(author)")
        var sections = [heading]
        if !conditions.isEmpty {
            sections.append(layout.section("Not as it should be", Table(conditions)))
        }
        if !members.isEmpty {
            var table = Table(["MEMBER", "HEALTH", "SINCE", "MESSAGE"])
            for member in members {
                let since = Timestamp(seconds: member.since.seconds).description
                table.add([member.name, member.health.rawValue, since, member.message])
            }
            sections.append(layout.section("Members that do not serve", table))
        }
        return sections.joined(separator: "\n")
    }
}

extension PlanReport: Printable {
    static func headings(wide: Bool) -> [String] {
        let basic = ["NAME", "STATUS", "NEXT", "WAITING FOR", "BLOCKED BY", "REASON"]
        return wide ? basic + ["NOT AS IT SHOULD BE"] : basic
    }

    func cells(wide: Bool) -> [String] {
        let basic = [
            cluster.metadata.name, cluster.status?.phase ?? "Pending", plan?.next ?? "",
            plan?.waitingFor ?? "", plan?.blockedBy ?? "", plan?.reason ?? "",
        ]
        let wrong = conditions.map { "\($0.type.rawValue)=\($0.status.rawValue)" }
        return wide ? basic + [wrong.joined(separator: ",")] : basic
    }

    var namespace: String { cluster.metadata.namespace }

    var reference: String { cluster.reference }

    private struct Document: Codable {
        let name: String
        let namespace: String
        let phase: String
        let generation: Int64
        let observedGeneration: Int64
        let updated: Timestamp?
        let operatorRunning: Bool
        let plan: PlanStatus?
        let conditions: [Condition]
        let members: [MemberStatus]
    }

    /// The conditions and members are only those that are not as they should be.
    var tree: FieldTree {
        FieldTree(
            encoding: Document(
                name: cluster.metadata.name,
                namespace: cluster.metadata.namespace,
                phase: cluster.status?.phase ?? "Pending",
                generation: cluster.metadata.generation,
                observedGeneration: cluster.status?.observedGeneration ?? 0,
                updated: cluster.status?.updated,
                operatorRunning: operatorID != nil,
                plan: plan,
                conditions: conditions,
                members: members
            )
        )
    }
}

extension Condition {
    /// A cluster that is left alone has each of these so.
    var isAsItShouldBe: Bool {
        switch type {
        case .degraded, .progressing, .specMissing: status == .false
        default: status == .true
        }
    }
}
