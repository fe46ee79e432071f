/// Why bytes are not the JSON that was expected.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many bytes had been read when it was noticed.
    package let offset: Int
    package let reason: String

    package var description: String {
        "bad JSON at byte \(offset): \(reason)"
    }
}

/// A JSON value with whole numbers kept exactly: member ids are above 2^53, where a reader that
/// goes through floating point would change them.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number that is a `UInt64`.
    case number(UInt64)
    /// Any other number (negative, fraction, exponent), as it was written.
    case otherNumber(String)
    case text(String)
    case list([JSONValue])
    /// In the order written; of equal names the last one counts, as in Go.
    case object([(name: String, value: JSONValue)])

    /// Reads one value that takes up all of the bytes. Nesting deeper than 32 is refused.
    init(parsing bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes)
        self = try reader.document()
    }

    /// The field of an object; nil when there is none, or when it is null, as Go treats it.
    subscript(name: String) -> JSONValue? {
        guard case .object(let fields) = self,
            let value = fields.last(where: { $0.name == name })?.value, value != .null
        else { return nil }
        return value
    }

    static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.otherNumber(let left), .otherNumber(let right)): left == right
        case (.text(let left), .text(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.object(let left), .object(let right)):
            left.elementsEqual(right) { $0.name == $1.name && $0.value == $1.value }
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .otherNumber(let value), .text(let value): hasher.combine(value)
        case .list(let values): hasher.combine(values)
        case .object(let fields): hasher.combine(fields.map(\.name))
        }
    }
}

extension JSONValue {
    /// The field as a number, 0 when absent; another type is an error.
    func number(_ name: String) throws(JSONError) -> UInt64 {
        switch self[name] {
        case nil: return 0
        case .number(let value): return value
        default: throw JSONError(offset: 0, reason: "\(name) is not an unsigned number")
        }
    }

    /// The field as a signed number, 0 when absent; another type is an error.
    func signed(_ name: String) throws(JSONError) -> Int64 {
        let number: Int64? =
            switch self[name] {
            case nil: 0
            case .number(let value): Int64(exactly: value)
            case .otherNumber(let text): Int64(text)
            default: nil
            }
        guard let number else {
            throw JSONError(offset: 0, reason: "\(name) is not a whole number")
        }
        return number
    }

    /// The field as a flag, false when absent.
    func flag(_ name: String) throws(JSONError) -> Bool {
        switch self[name] {
        case nil: return false
        case .bool(let value): return value
        default: throw JSONError(offset: 0, reason: "\(name) is not true or false")
        }
    }

    /// The field as text, empty when absent.
    func text(_ name: String) throws(JSONError) -> String {
        switch self[name] {
        case nil: return ""
        case .text(let value): return value
        default: throw JSONError(offset: 0, reason: "\(name) is not a string")
        }
    }

    /// The field as a list of strings, empty when absent.
    func texts(_ name: String) throws(JSONError) -> [String] {
        try list(name) { item in
            guard case .text(let text) = item else { return nil }
            return text
        }
    }

    /// The field as a list of unsigned numbers, empty when absent.
    func numbers(_ name: String) throws(JSONError) -> [UInt64] {
        try list(name) { item in
            guard case .number(let number) = item else { return nil }
            return number
        }
    }

    private func list<Item>(
        _ name: String,
        _ convert: (JSONValue) -> Item?
    ) throws(JSONError) -> [Item] {
        guard let value = self[name] else { return [] }
        guard case .list(let items) = value else {
            throw JSONError(offset: 0, reason: "\(name) is not a list")
        }
        var converted: [Item] = []
        for item in items {
            guard let item = convert(item) else {
                throw JSONError(offset: 0, reason: "an item of \(name) has the wrong type")
            }
            converted.append(item)
        }
        return converted
    }
}
