package import ClusterAPI

/// What a running operator tells whoever watches it, such as the terminal.
package enum Progress: Hashable, Sendable {
    /// The state directory is ours; members found running from before are counted. It is new when
    /// nothing of an operator was in it.
    case started(stateDirectory: String, isNew: Bool, adopted: Int)
    /// A spec file that was not accepted, with file, line and column; once per change of the file.
    case specProblem(String)
    /// A cluster's status after a pass, when it differs from the one before.
    case status(ClusterName, ClusterStatus)
    /// Something happened to a cluster; also in its list of events.
    case event(Event)
    /// The last word: how many members keep running, and whether they were asked to stop.
    case leaving(running: Int, stopped: Int)
}
