import ClusterAPI
import Operator

/// One change of a cluster, as `journal` prints it.
struct JournalLine: Printable {
    let cluster: ClusterName
    let entry: JournalEntry

    static func headings(wide: Bool) -> [String] {
        let basic = ["TIME", "STEP", "RESULT", "REASON"]
        return wide ? basic + ["BEFORE", "AFTER"] : basic
    }

    func cells(wide: Bool) -> [String] {
        let time = Timestamp(seconds: entry.time.seconds).description
        let basic = [time, entry.step, entry.result, entry.reason]
        return wide ? basic + [entry.before ?? "", entry.after ?? ""] : basic
    }

    var namespace: String { cluster.namespace }

    var reference: String { "journal/\(cluster.name)/\(entry.time)" }

    var tree: FieldTree { FieldTree(encoding: entry) }
}
