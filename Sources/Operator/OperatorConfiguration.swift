/// What a local operator is started with.
package struct OperatorConfiguration: Hashable, Sendable {
    /// Where everything is kept; made when it is absent.
    package var stateDirectory: String
    /// Files and directories with specs. Relative paths are resolved against the working directory.
    package var specPaths: [String]
    /// The embedded member's program; nil: `etcd-member` beside the operator's own.
    package var memberBinary: String?
    /// Stop all members when the operator is told to end, instead of leaving them serving.
    package var stopOnExit: Bool

    package init(
        stateDirectory: String,
        specPaths: [String],
        memberBinary: String? = nil,
        stopOnExit: Bool = false
    ) {
        self.stateDirectory = stateDirectory
        self.specPaths = specPaths
        self.memberBinary = memberBinary
        self.stopOnExit = stopOnExit
    }

    /// For root `/var/lib/etcd-operator`; for others `$XDG_STATE_HOME/etcd-operator`, or the same
    /// below the home directory.
    package static var defaultStateDirectory: String {
        if effectiveUser() == 0 { return "/var/lib/etcd-operator" }
        if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
            return "\(state)/etcd-operator"
        }
        return "\(environment("HOME") ?? "/root")/.local/state/etcd-operator"
    }
}
