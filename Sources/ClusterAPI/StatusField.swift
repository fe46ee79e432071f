/// One field of what the operator reports. The values themselves are `ClusterStatus`, which is
/// plain data; this says what they mean, for `explain` and for an API server. A test holds the two
/// together.
package struct StatusField: Sendable {
    package enum Kind: Hashable, Sendable {
        case integer
        case text
        case choice([String])
        /// A moment, as RFC 3339.
        case time
        case texts
        /// A group of fields.
        case object
        /// A list of groups that differ in one field; their fields stand below this one's path.
        case list(key: String)

        /// For `explain`.
        package var name: String {
            switch self {
            case .integer: "integer"
            case .text, .choice, .time: "string"
            case .texts: "[]string"
            case .object: "object"
            case .list: "[]object"
            }
        }

        package var isGroup: Bool {
            switch self {
            case .object, .list: true
            case .integer, .text, .choice, .time, .texts: false
            }
        }
    }

    package let path: FieldPath
    package let kind: Kind
    package let summary: String
    package let isRequired: Bool

    init(_ path: String, _ kind: Kind, isRequired: Bool = false, _ summary: String) {
        self.path = FieldPath(parsing: path)
        self.kind = kind
        self.summary = summary
        self.isRequired = isRequired
    }

    package var name: String { path.names.last ?? "" }
}
