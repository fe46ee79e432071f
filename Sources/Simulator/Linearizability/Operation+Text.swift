// How an operation reads in a violation:
//
//     client 3 [100, 250] put a=17 -> revision 9
//     client 4 [120, ...] delete a..<c -> ?
//     client 5 [130, 140] range a -> revision 9: a=17 (created 4, modified 9, version 3)

extension Operation: CustomStringConvertible {
    package var description: String {
        let end = returned.map(String.init) ?? "..."
        let answer = response.map(\.description) ?? "?"
        return "client \(client) [\(invoked), \(end)] \(request) -> \(answer)"
    }
}

extension Operation.KeyRange: CustomStringConvertible {
    package var description: String {
        end.map { "\(key)..<\($0)" } ?? key
    }
}

extension Operation.Request: CustomStringConvertible {
    package var description: String {
        switch self {
        case .put(let key, let value): return "put \(key)=\(value)"
        case .range(let range): return "range \(range)"
        case .delete(let range): return "delete \(range)"
        case .txn(let compares, let success, let failure):
            func list(_ items: [some CustomStringConvertible]) -> String {
                items.isEmpty ? "nothing" : items.map(\.description).joined(separator: ", ")
            }
            let condition = compares.isEmpty ? "true" : list(compares)
            return "txn if \(condition) then \(list(success)) else \(list(failure))"
        }
    }
}

extension Operation.Compare: CustomStringConvertible {
    package var description: String {
        let sign =
            switch relation {
            case .equal: "="
            case .notEqual: "!="
            case .less: "<"
            case .greater: ">"
            }
        return switch operand {
        case .modRevision(let revision): "mod(\(key)) \(sign) \(revision)"
        case .createRevision(let revision): "create(\(key)) \(sign) \(revision)"
        case .version(let version): "version(\(key)) \(sign) \(version)"
        case .value(let value): "value(\(key)) \(sign) \(value)"
        }
    }
}

extension Operation.Row: CustomStringConvertible {
    package var description: String {
        "\(key)=\(value) (created \(createRevision), modified \(modRevision), version \(version))"
    }
}

extension Operation.Result: CustomStringConvertible {
    package var description: String {
        switch self {
        case .put: return "put"
        case .range(let rows):
            return rows.isEmpty
                ? "nothing" : rows.map(\.description).joined(separator: ", ")
        case .delete(let count): return "\(count) deleted"
        case .txn(let succeeded, let results):
            let branch = succeeded ? "then" : "else"
            return "\(branch) [\(results.map(\.description).joined(separator: "; "))]"
        }
    }
}

extension Operation.Response: CustomStringConvertible {
    package var description: String {
        if case .put = result { return "revision \(revision)" }
        return "revision \(revision): \(result)"
    }
}
