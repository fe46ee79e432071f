import EtcdProto
import Keyspace
import Member
import Storage

/// What a keyspace's rows are, and everything that is wrong with them as far as it can be told.
struct StoreReport {
    /// What was found, in lines of name and value.
    private(set) var facts: [(name: String, value: String)] = []
    /// Each is enough that a member would not start, or would lie.
    private(set) var problems: [String] = []
    private var hiddenProblems = 0

    /// More would not be read.
    private static let shownProblems = 20

    init(_ view: any BackendView) {
        for bucket in Bucket.allCases { look(at: bucket, view) }
        if problems.isEmpty { summarise(view) }
        if hiddenProblems > 0 { problems.append("and \(hiddenProblems) more") }
    }

    mutating func note(_ name: String, _ value: String) {
        facts.append((name, value))
    }

    mutating func problem(_ text: String) {
        if problems.count < Self.shownProblems {
            problems.append(text)
        } else {
            hiddenProblems += 1
        }
    }

    private mutating func look(at bucket: Bucket, _ view: any BackendView) {
        var rows = 0
        var bytes: Int64 = 0
        var checker = RecordRows()
        var first: RecordKey?
        var wrong: [String] = []
        do throws(BackendError) {
            try view.scan(bucket, from: []) { key, value in
                rows += 1
                bytes += Int64(key.count + value.count)
                if bucket == .key {
                    if let refusal = checker.refusal(key, value) {
                        wrong.append(refusal.description)
                    }
                    first = first ?? RecordKey(key)
                }
                return true
            }
        } catch {
            wrong.append("bucket \(bucket.rawValue) ends after \(rows) rows: \(error)")
        }
        wrong.forEach { problem($0) }
        var text = "\(rows) rows, \(ByteText.readable(bytes))"
        if let first, let last = checker.previous {
            text += ", revisions \(first.revision) to \(last.revision)"
        }
        note("bucket \(bucket.rawValue)", text)
    }

    /// What the rows say together; only asked where each is whole.
    private mutating func summarise(_ view: any BackendView) {
        do {
            let backend = ReadOnlyBackend(view)
            let keyspace = try Keyspace(backend: backend)
            note("keys", "\(keyspace.keyCount)")
            note("revision", "\(keyspace.revision)")
            note(
                "compacted",
                keyspace.compactRevision < 0 ? "never" : "\(keyspace.compactRevision)"
            )
            note("consistent index", "\(keyspace.consistentIndex) in term \(keyspace.term)")
            let membership = try Membership(restoring: view)
            for member in membership.members {
                let kind = member.isLearner ? ", learner" : ""
                note(
                    "member \(member.id)",
                    "\(member.name.isEmpty ? "(not started)" : member.name) at "
                        + member.peerURLs.joined(separator: ",") + kind
                )
            }
            if !membership.removed.isEmpty {
                note("removed", membership.removed.map(\.description).joined(separator: ", "))
            }
            note("cluster version", membership.clusterVersion?.description ?? "not decided")
            for alarm in keyspace.alarms { note("alarm", Alarms.text(of: alarm)) }
        } catch {
            problem("\(error)")
        }
    }
}
