/// Why a member cannot start or go on: one line for people, one code for the operator.
package struct Fatal: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: ExitCode
    /// What happened and where.
    package let what: String
    /// What to do about it.
    package let remedy: String

    package init(_ code: ExitCode, _ what: String, remedy: String) {
        self.code = code
        self.what = what
        self.remedy = remedy
    }

    package var description: String {
        "\(what): \(remedy)"
    }
}
