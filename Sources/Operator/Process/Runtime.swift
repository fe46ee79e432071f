package import Planning

/// What runs members. `LocalRuntime` runs processes of this machine.
package protocol Runtime: Sendable {
    /// Looks for members that run although nobody here started them. Returns how many were found
    /// now that were not known.
    ///
    /// - Parameter age: A look that is no older than this will do.
    @discardableResult
    func adopt(ifOlderThan age: Duration) throws(OperatorError) -> Int

    /// What runs for a data directory.
    func process(using data: String) -> ProcessState

    /// The process was asked to end and has not done so yet.
    func isStopping(_ data: String) -> Bool

    /// The ends of processes since the last call, oldest first.
    func takeEnded(_ data: String) -> [EndedProcess]

    /// The data directories below a directory for which a process runs, ours or not.
    func users(below directory: String) -> [String]

    /// Starts a program that uses a data directory, unless any process uses it already.
    ///
    /// - Parameter log: The file that gets its output.
    /// - Returns: The process id.
    @discardableResult
    func start(
        _ program: String,
        _ arguments: [String],
        data: String,
        log: String
    ) throws(OperatorError) -> Int32

    /// Asks a process to end, and makes it end when it has been asked for that long. True when
    /// something was done. That it has ended shows in `takeEnded`.
    func stop(_ data: String, patience: Duration) throws(OperatorError) -> Bool
}

/// A process that ended, as far as it is known.
package struct EndedProcess: Hashable, Sendable {
    package let status: ExitStatus
    /// On the monotonic clock.
    package let at: Duration
    package let ranFor: Duration
    /// It was our own child.
    package let witnessed: Bool
    /// It had been asked to end.
    package let wasAsked: Bool

    package init(
        status: ExitStatus,
        at: Duration,
        ranFor: Duration,
        witnessed: Bool,
        wasAsked: Bool
    ) {
        self.status = status
        self.at = at
        self.ranFor = ranFor
        self.witnessed = witnessed
        self.wasAsked = wasAsked
    }
}
