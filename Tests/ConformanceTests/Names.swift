import EtcdProto
import TestKit

/// What a scenario calls the things that differ from run to run: ids, addresses, revisions.
struct Names {
    /// The revision before the scenario's first write; `+2` is two after it.
    let base: Int64
    private var ids: [(name: String, id: UInt64)] = []
    private var texts: [(name: String, text: String)] = []

    init(base: Int64, server: LoneServer) {
        self.base = base
        ids = [("self", server.header.memberID), ("cluster", server.header.clusterID)]
        texts = [("client", server.client), ("peer", server.peer)]
    }

    mutating func bind(_ name: String, _ id: UInt64) {
        ids.insert((name, id), at: 0)
    }

    // MARK: Reading

    /// The text of a call with all that stands for something else put in its place: `$name`,
    /// `+N`, `$big(N)` (so many x) and `repeat(N){text}`, in which `%d` counts from 1.
    func fill(_ text: String) throws -> String {
        var rest = try Self.repeated(text)[...]
        var filled = ""
        var quoted = false
        while let first = rest.first {
            if first == "$" {
                rest.removeFirst()
                let name = rest.prefix { $0.isLetter || $0.isNumber }
                rest = rest.dropFirst(name.count)
                if name == "big", let count = Self.count(&rest) {
                    filled += String(repeating: "x", count: count)
                } else {
                    filled += try value(of: String(name))
                }
                continue
            }
            rest.removeFirst()
            if first == "\"" { quoted.toggle() }
            let digits = rest.prefix { $0.isNumber }
            if first == "+", !quoted, let offset = Int64(digits) {
                rest = rest.dropFirst(digits.count)
                filled += "\(base + offset)"
            } else {
                filled.append(first)
            }
        }
        return filled
    }

    private func value(of name: String) throws -> String {
        if let id = ids.first(where: { $0.name == name })?.id { return "\(id)" }
        if let text = texts.first(where: { $0.name == name })?.text { return text }
        throw Script.Malformed("nothing is called $\(name)")
    }

    private static func repeated(_ text: String) throws -> String {
        guard let start = text.firstRange(of: "repeat") else { return text }
        var rest = text[start.upperBound...]
        guard let count = count(&rest), rest.first == "{" else {
            throw Script.Malformed("not repeat(N){...}: \(text)")
        }
        var depth = 0
        let body = rest.prefix { character in
            depth += character == "{" ? 1 : character == "}" ? -1 : 0
            return depth > 0
        }
        let copies = (1...max(count, 1)).map {
            String(body.dropFirst()).replacing("%d", with: "\($0)")
        }
        let after = rest.dropFirst(body.count + 1)
        return text[..<start.lowerBound] + copies.joined(separator: " ")
            + (try repeated(String(after)))
    }

    /// Takes `(N)` from the front.
    private static func count(_ text: inout Substring) -> Int? {
        guard text.first == "(", let end = text.firstIndex(of: ")"),
            let count = Int(text[text.index(after: text.startIndex)..<end])
        else { return nil }
        text = text[text.index(after: end)...]
        return count
    }

    // MARK: Writing

    /// A revision, counted from the scenario's start.
    func revision(_ value: Int64) -> String {
        guard value > 0 else { return "\(value)" }
        return value < base ? "\(value - base)" : "+\(value - base)"
    }

    /// An id by its name; small ones, which a scenario chose, as they are.
    func id(_ value: String) -> String {
        guard let number = UInt64(value) ?? Int64(value).map(UInt64.init(bitPattern:)) else {
            return value
        }
        if let name = ids.first(where: { $0.id == number })?.name { return "$\(name)" }
        return value.utf8.count < 10 ? value : "#"
    }

    /// A text in which ids and addresses are named.
    func mask(_ text: String) -> String {
        var text = text
        for (name, id) in ids where id >= 1 << 32 {
            text = text.replacing("\(id)", with: "$\(name)")
            text = text.replacing(String(id, radix: 16), with: "$\(name)")
        }
        for (name, found) in texts { text = text.replacing(found, with: "$\(name)") }
        return text
    }
}
