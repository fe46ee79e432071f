/// A place in a text: line and column, both counted from 1, columns in characters.
package struct SourceMark: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// `line:column`.
    package var description: String { "\(line):\(column)" }

    package static func < (left: SourceMark, right: SourceMark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A resource as it was written, before anything is known about its fields.
///
/// It stands between the text formats and the resource types: YAML, JSON and state files turn into
/// it, `EtcdCluster.decode(_:)` reads it, `EtcdCluster.tree` writes it. The marks say where in the
/// text a value stood, if there was a text.
package struct FieldTree: Hashable, Sendable {
    package indirect enum Value: Hashable, Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        /// A number that is not an integer of 64 bits, as it was written.
        case number(String)
        case string(String)
        case list([FieldTree])
        /// In the order of the text; keys are unique.
        case map([Field])
    }

    package struct Field: Hashable, Sendable {
        package let key: String
        package let keyMark: SourceMark?
        package let value: FieldTree

        package init(_ key: String, _ value: FieldTree, keyMark: SourceMark? = nil) {
            self.key = key
            self.value = value
            self.keyMark = keyMark
        }
    }

    package let value: Value
    package let mark: SourceMark?

    package init(_ value: Value, mark: SourceMark? = nil) {
        self.value = value
        self.mark = mark
    }

    /// The fields of a map; none when it is something else.
    package var fields: [Field] {
        if case .map(let fields) = value { fields } else { [] }
    }

    package subscript(key: String) -> FieldTree? {
        fields.first { $0.key == key }?.value
    }

    /// What kind of value it is, for messages: `a list`, `the text "three"`.
    package var kindDescription: String {
        switch value {
        case .null: "nothing"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let text): text
        case .string(let text) where text.count <= 60: "\"\(text)\""
        case .string: "a long text"
        case .list: "a list"
        case .map: "a map"
        }
    }
}
