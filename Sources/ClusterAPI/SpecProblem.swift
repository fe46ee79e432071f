/// Something about a resource's text that its author should know.
package struct SpecProblem: Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable {
        /// The resource cannot be accepted.
        case error
        /// It is accepted, and probably not what was meant.
        case warning
    }

    package let severity: Severity
    /// The field, such as `spec.replicas`; empty for the resource as a whole.
    package let path: String
    /// What was found, what was expected, and what to do.
    package let message: String
    /// Where it stands, when the resource came from a text.
    package let mark: SourceMark?

    package init(severity: Severity, path: String, message: String, mark: SourceMark?) {
        self.severity = severity
        self.path = path
        self.message = message
        self.mark = mark
    }

    /// `quickstart.yaml:6:13: error: spec.replicas: expected ..., found ...`
    package func described(in file: String?) -> String {
        var place = file ?? ""
        if let mark { place += (place.isEmpty ? "" : ":") + mark.description }
        let subject = path.isEmpty ? "" : "\(path): "
        return (place.isEmpty ? "" : "\(place): ") + "\(severity.rawValue): \(subject)\(message)"
    }
}

extension SpecProblem: CustomStringConvertible {
    package var description: String { described(in: nil) }
}
