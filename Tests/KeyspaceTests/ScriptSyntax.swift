import EtcdProto
import Foundation
import Keyspace
import TestKit

/// Reads requests as scripts write them.
///
///     put KEY VALUE [lease=N] [prev] [ignore-value] [ignore-lease]
///     get KEY [to=KEY|prefix|from] [rev=N] [limit=N] [order=ascend|descend] [by=mod|...]
///             [keys-only] [count-only] [min-mod=N] [max-mod=N] [min-create=N] [max-create=N]
///     del KEY [to=KEY|prefix|from] [prev]
///     txn
///     if version|create|mod|value|lease KEY [to=...] =|!=|>|< OPERAND
///     then OPERATION
///     else OPERATION
///
/// The lines of a nested transaction follow its `then txn`, indented by two more columns.
struct ScriptSyntax {
    static func put(_ words: [String]) throws -> PutRequest {
        let options = Options(words.dropFirst())
        var request = PutRequest()
        request.key = text(words.first)
        request.value = text(options.plain.first)
        request.lease = try options.number("lease")
        request.prevKv = options.has("prev")
        request.ignoreValue = options.has("ignore-value")
        request.ignoreLease = options.has("ignore-lease")
        return request
    }

    static func get(_ words: [String]) throws -> RangeRequest {
        let options = Options(words.dropFirst())
        var request = RangeRequest()
        request.key = text(words.first)
        request.rangeEnd = options.rangeEnd(of: request.key)
        request.revision = try options.number("rev")
        request.limit = try options.number("limit")
        let orders: [String: RangeRequest.SortOrder] = ["ascend": .ascend, "descend": .descend]
        request.sortOrder = orders[options.value("order")] ?? .none
        let targets: [String: RangeRequest.SortTarget] = [
            "version": .version, "create": .create, "mod": .mod, "value": .value,
        ]
        request.sortTarget = targets[options.value("by")] ?? .key
        request.keysOnly = options.has("keys-only")
        request.countOnly = options.has("count-only")
        request.minModRevision = try options.number("min-mod")
        request.maxModRevision = try options.number("max-mod")
        request.minCreateRevision = try options.number("min-create")
        request.maxCreateRevision = try options.number("max-create")
        return request
    }

    static func delete(_ words: [String]) -> DeleteRangeRequest {
        let options = Options(words.dropFirst())
        var request = DeleteRangeRequest()
        request.key = text(words.first)
        request.rangeEnd = options.rangeEnd(of: request.key)
        request.prevKv = options.has("prev")
        return request
    }

    static func txn(_ lines: [String]) throws -> TxnRequest {
        var rest = lines[...]
        return try txn(&rest, indent: 0)
    }

    /// Takes the lines that are indented by at least `indent`.
    private static func txn(_ lines: inout ArraySlice<String>, indent: Int) throws -> TxnRequest {
        var request = TxnRequest()
        while let line = lines.first, line.prefix(while: { $0 == " " }).count >= indent {
            lines.removeFirst()
            let words = line.split(separator: " ").map(String.init)
            let rest = Array(words.dropFirst())
            switch words.first {
            case "if": request.compare.append(try compare(rest))
            case "then": request.success.append(try operation(rest, &lines, indent))
            case "else": request.failure.append(try operation(rest, &lines, indent))
            default: throw Script.Malformed("not a line of a transaction: \(line)")
            }
        }
        return request
    }

    private static func operation(
        _ words: [String],
        _ lines: inout ArraySlice<String>,
        _ indent: Int
    ) throws -> RequestOp {
        let rest = Array(words.dropFirst())
        var operation = RequestOp()
        switch words.first {
        case "put": operation.requestPut = try put(rest)
        case "get": operation.requestRange = try get(rest)
        case "del": operation.requestDeleteRange = delete(rest)
        case "txn": operation.requestTxn = try txn(&lines, indent: indent + 2)
        case "nothing": break
        default: throw Script.Malformed("not an operation: \(words)")
        }
        return operation
    }

    private static func compare(_ words: [String]) throws -> Compare {
        let results: [String: Compare.CompareResult] = [
            "=": .equal, "!=": .notEqual, ">": .greater, "<": .less,
        ]
        guard words.count >= 3,
            let at = words.firstIndex(where: { results[$0] != nil }),
            let result = results[words[at]]
        else { throw Script.Malformed("not a comparison: \(words)") }
        let operand = at + 1 < words.count ? words[at + 1] : ""
        var compare = Compare()
        compare.key = text(words[1])
        compare.rangeEnd = Options(words[2..<at]).rangeEnd(of: compare.key)
        compare.result = result
        switch words[0] {
        case "version": (compare.target, compare.version) = (.version, try number(operand))
        case "create": (compare.target, compare.createRevision) = (.create, try number(operand))
        case "mod": (compare.target, compare.modRevision) = (.mod, try number(operand))
        case "lease": (compare.target, compare.lease) = (.lease, try number(operand))
        case "value": (compare.target, compare.value) = (.value, text(operand))
        default: throw Script.Malformed("nothing to compare: \(words[0])")
        }
        return compare
    }

    /// A word's bytes; `''` is no bytes.
    private static func text(_ word: String?) -> Data {
        bytes(word == "''" ? "" : word ?? "")
    }

    static func number(_ word: String) throws -> Int64 {
        guard let number = Int64(word) else { throw Script.Malformed("not a number: \(word)") }
        return number
    }
}

/// The words after a command's first: `name`, `name=value`, and plain ones.
private struct Options {
    private let named: [String: String]
    let plain: [String]
    private static let flags: Set<String> = [
        "prev", "ignore-value", "ignore-lease", "keys-only", "count-only",
    ]

    init(_ words: some Collection<String>) {
        var named: [String: String] = [:]
        var plain: [String] = []
        for word in words {
            if let equals = word.firstIndex(of: "=") {
                named[String(word[..<equals])] = String(word[word.index(after: equals)...])
            } else if Options.flags.contains(word) {
                named[word] = ""
            } else {
                plain.append(word)
            }
        }
        self.named = named
        self.plain = plain
    }

    func has(_ name: String) -> Bool { named[name] != nil }

    func value(_ name: String) -> String { named[name] ?? "" }

    func number(_ name: String) throws -> Int64 {
        try named[name].map(ScriptSyntax.number) ?? 0
    }

    func rangeEnd(of key: Data) -> Data {
        switch named["to"] {
        case nil: Data()
        case "from": Data([0])
        case "prefix": key.dropLast() + [(key.last ?? 0) + 1]
        case .some(let end): bytes(end)
        }
    }
}
