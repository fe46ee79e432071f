/// Why the operator cannot do something: what happened, where, and what to do about it.
package struct OperatorError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// A path or an argument that makes no sense.
        case usage
        /// The state directory, or a file in it, cannot be used.
        case state
        /// Another operator holds the state directory.
        case locked
        case binaryMissing
        case portInUse
        /// Data or a process that is not the cluster's own.
        case foreign
        case process
        /// A tool has read data and found it damaged.
        case damaged
        /// A member that was asked to change something did not, or nobody knows.
        case member
        case notFound
        /// It would be unsafe.
        case refused
        /// No operator runs on the state directory.
        case notRunning
        case control
    }

    package let code: Code
    /// What happened, as a sentence without a full stop.
    package let what: String
    /// A path, an address, a cluster; empty when `what` says it all.
    package let place: String
    /// What to do; empty when nothing helps.
    package let remedy: String

    package init(_ code: Code, _ what: String, at place: String = "", remedy: String = "") {
        self.code = code
        self.what = what
        self.place = place
        self.remedy = remedy
    }

    package var description: String {
        var text = place.isEmpty ? what : "\(place): \(what)"
        if !remedy.isEmpty { text += "; \(remedy)" }
        return text
    }
}
