import SwiftProtobuf

/// Answers as lines of text that are the same whenever the answers mean the same. Every field that
/// is set is shown; ids are named, revisions counted from the scenario's start, and what no two
/// servers have in common is `#`.
struct AnswerText {
    let names: Names
    /// Whether the server has seen nothing but this scenario, so that hashes can be compared.
    let isAlone: Bool

    private indirect enum Field {
        case scalar(name: String, value: String)
        case message(name: String, fields: [Field])

        var name: String {
            switch self {
            case .scalar(let name, _), .message(let name, _): name
            }
        }
    }

    /// The call's name and the answer's own fields; below it the messages in it.
    func lines(_ label: String, _ message: any SwiftProtobuf.Message) -> [String] {
        var text = message.textFormatString().split(separator: "\n").map {
            String($0.drop { $0 == " " })
        }[...]
        let fields = Self.fields(&text)
        let answer = render(label, fields, in: label)
        return fields.contains { $0.name == "header" }
            ? answer
            : [answer[0] + " headerless"]
                + answer.dropFirst()
    }

    private static func fields(_ lines: inout ArraySlice<String>) -> [Field] {
        var fields: [Field] = []
        while let line = lines.popFirst(), line != "}" {
            if line.hasSuffix(" {") {
                fields.append(.message(name: String(line.dropLast(2)), fields: Self.fields(&lines)))
            } else {
                let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
                fields.append(.scalar(name: parts[0], value: parts.count > 1 ? parts[1] : ""))
            }
        }
        return fields
    }

    private func render(_ label: String, _ fields: [Field], in call: String) -> [String] {
        if fields.count == 1, case .message(let name, let inner) = fields[0], name != "header" {
            return render("\(label).\(name)", inner, in: call)
        }
        var head = label
        var blocks: [(name: String, lines: [String])] = []
        // Go's maps have no order.
        let fields = call == "LeaseTimeToLive" ? Self.sortingKeys(fields) : fields
        for field in fields {
            switch field {
            case .message("header", let inner): head += header(inner)
            case .message(let name, let inner):
                blocks.append((name, render(name, inner, in: call)))
            case .scalar(let name, let value):
                head += " \(name)=\(scalar(name, value, fields, in: call))"
            }
        }
        // Lists whose order follows ids, which differ.
        if blocks.allSatisfy({ ["member", "members", "leases", "alarms"].contains($0.name) }) {
            blocks.sort { $0.lines[0] < $1.lines[0] }
        }
        return [head] + blocks.flatMap { $0.lines.map { "  " + $0 } }
    }

    private static func sortingKeys(_ fields: [Field]) -> [Field] {
        func key(_ field: Field) -> String? {
            if case .scalar("keys", let value) = field { value } else { nil }
        }
        var sorted = fields.compactMap(key).sorted()[...]
        return fields.map { field in
            guard key(field) != nil, let next = sorted.popFirst() else { return field }
            return .scalar(name: "keys", value: next)
        }
    }

    /// Only the revision if all else is as it should be.
    private func header(_ fields: [Field]) -> String {
        var found: [String: String] = [:]
        for case .scalar(let name, let value) in fields { found[name] = value }
        let revision = found["revision"].flatMap(Int64.init).map(names.revision)
        let ids = ["cluster_id", "member_id"].map { names.id(found[$0] ?? "0") }
        if ids == ["$cluster", "$self"], found["raft_term"] != nil {
            return revision.map { " revision=\($0)" } ?? ""
        }
        var parts = revision.map { ["revision=\($0)"] } ?? []
        if ids != ["0", "0"] { parts += ids }
        if found["raft_term"] != nil { parts.append("term") }
        return " header(\(parts.joined(separator: " ")))"
    }

    private static let unlike: Set = [
        "Status.version", "Status.dbSize", "Status.raftIndex", "Status.raftTerm",
        "Status.raftAppliedIndex", "Status.dbSizeInUse", "Hash.hash",
    ]
    private static let ids: Set = ["ID", "memberID", "lease", "leader", "watch_id"]

    private func scalar(_ name: String, _ value: String, _ beside: [Field], in call: String)
        -> String
    {
        if Self.unlike.contains("\(call).\(name)") { return "#" }
        if name == "hash", !isAlone { return "#" }
        if name.hasSuffix("revision"), let revision = Int64(value) {
            return names.revision(revision)
        }
        if Self.ids.contains(name) { return names.id(value) }
        if name == "TTL", let left = Int64(value), left > 0 {
            for case .scalar("grantedTTL", let granted) in beside {
                guard let granted = Int64(granted), (0...5).contains(granted - left) else { break }
                return "~\(granted)"
            }
        }
        if value.utf8.count > 200 { return value.prefix(12) + "...\"(\(value.utf8.count - 2))" }
        return names.mask(value)
    }
}
