/// How a call ended: a code and a text for people.
package struct GRPCStatus: Error, Sendable, Hashable, CustomStringConvertible {
    package let code: GRPCCode
    package let message: String

    package init(code: GRPCCode, message: String) {
        self.code = code
        self.message = message
    }

    package init(_ code: GRPCCode, _ message: String) {
        self.init(code: code, message: message)
    }

    /// The call did what was asked.
    package static let ok = GRPCStatus(.ok, "")

    package var description: String {
        message.isEmpty ? code.name : "\(code.name): \(message)"
    }
}
