import ClusterAPI
import FoundationEssentials
import Testing

@Suite struct StatusTests {
    private let noon = Timestamp(seconds: 43_200)
    private let one = Timestamp(seconds: 46_800)

    @Test func `a condition keeps the time since which it holds`() {
        var status = ClusterStatus()
        status.set(.ready, .false, reason: "Starting", message: "a", at: noon)
        status.set(.ready, .false, reason: "Waiting", message: "b", at: one)
        #expect(status.condition(.ready)?.lastTransitionTime == noon)
        #expect(status.condition(.ready)?.reason == "Waiting")
        status.set(.ready, .true, reason: "Serving", message: "", at: one)
        #expect(status.condition(.ready)?.lastTransitionTime == one)
        #expect(status.conditions.count == 1)
        #expect(status.condition(.degraded) == nil)
    }

    @Test func `status and cluster survive JSON, and the tree says the same as the coder`() throws {
        var cluster = EtcdCluster(metadata: Metadata(name: "orders", generation: 3, uid: "u-1"))
        var status = ClusterStatus(phase: "Running", observedGeneration: 3, updated: noon)
        status.set(.available, .true, reason: "Serving", message: "3 of 3 \"serve\"", at: noon)
        status.members = [
            MemberStatus(
                name: "orders-0",
                id: "8e9e05c52164694d",
                role: .leader,
                health: .healthy,
                since: noon,
                dbSize: 24_576,
                slot: 0,
                processID: 42,
                clientURL: "http://127.0.0.1:2379",
                peerURL: "http://127.0.0.1:2380"
            )
        ]
        status.endpoints = ["http://127.0.0.1:2379"]
        status.plan = PlanStatus(next: "restart orders-1", reason: "it exited")
        cluster.status = status
        let json = try JSONEncoder().encode(cluster)
        #expect(try JSONDecoder().decode(EtcdCluster.self, from: json) == cluster)
        let fromTree = try JSONEncoder().encode(FieldTree(encoding: status))
        #expect(try JSONDecoder().decode(ClusterStatus.self, from: fromTree) == status)
        let event = Event(
            time: noon,
            cluster: cluster.name,
            type: .warning,
            reason: "MemberExited",
            message: "orders-1 exited",
            count: 2
        )
        let line = try JSONEncoder().encode(event)
        #expect(try JSONDecoder().decode(Event.self, from: line) == event)
    }

    @Test func `stored JSON that breaks a rule is refused with the rule`() throws {
        let text = """
            {"apiVersion":"etcd-operator.dev/v1alpha1","kind":"EtcdCluster",
             "metadata":{"name":"a"},"spec":{"replicas":99}}
            """
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(EtcdCluster.self, from: Data(text.utf8))
        }
        #expect(
            "\(try #require(error))".contains("spec.replicas: expected a whole number from 0 to 9")
        )
    }

    @Test func `equal events repeat each other, whenever they happened`() {
        let name = ClusterName(name: "a")
        let first = Event(time: noon, cluster: name, type: .normal, reason: "R", message: "m")
        let again = Event(
            time: one,
            cluster: name,
            type: .normal,
            reason: "R",
            message: "m",
            count: 5
        )
        let other = Event(time: one, cluster: name, type: .normal, reason: "R", message: "n")
        #expect(again.repeats(first))
        #expect(!other.repeats(first))
    }

    /// A status in which everything is there: its tree and the schema's table are the same fields.
    @Test func `every field of the status is in the schema, with its type, and no other`() throws {
        var status = ClusterStatus(
            clusterID: "1",
            leader: "a-0",
            revision: 1,
            dbSize: 1,
            version: "3.5.33",
            endpoints: ["e"],
            plan: PlanStatus(next: "n", reason: "r", waitingFor: "w", blockedBy: "b")
        )
        status.set(.ready, .true, reason: "R", message: "m", at: noon)
        status.members = [
            MemberStatus(
                name: "a-0",
                id: "1",
                role: .leader,
                health: .healthy,
                message: "m",
                since: noon,
                version: "3.5.33",
                dbSize: 1,
                revision: 1,
                slot: 0,
                processID: 1,
                clientURL: "c",
                peerURL: "p"
            )
        ]
        var seen: [FieldPath] = []
        compare(FieldTree(encoding: status), at: FieldPath(["status"]), &seen)
        let known = Schema.cluster.status.map(\.path)
        #expect(Set(seen) == Set(known))
        #expect(known.count == Set(known).count)
    }

    private func compare(_ tree: FieldTree, at path: FieldPath, _ seen: inout [FieldPath]) {
        seen.append(path)
        let kind = Schema.cluster.statusField(path)?.kind
        switch (tree.value, kind) {
        case (.integer, .integer), (.string, .text): break
        case (.string(let text), .time): #expect(Timestamp(text) != nil, "\(path)")
        case (.string(let text), .choice(let words)): #expect(words.contains(text), "\(path)")
        case (.list(let items), .texts):
            for case .map in items.map(\.value) { Issue.record("\(path) is a list of groups") }
        case (.list(let items), .list(let key)):
            for item in items {
                #expect(item[key] != nil, "\(path)")
                for field in item.fields {
                    compare(field.value, at: path.appending(field.key), &seen)
                }
            }
        case (.map(let fields), .object):
            for field in fields { compare(field.value, at: path.appending(field.key), &seen) }
        default:
            Issue.record("\(path) is \(tree.kindDescription), and in the schema \(kind as Any)")
        }
    }
}
