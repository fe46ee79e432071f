import ClusterAPI

/// Keeps the last status of a cluster, on disk and for whoever watches.
struct StatusWriter {
    private let directory: ClusterDirectory
    private let progress: AsyncStream<Progress>.Continuation
    private(set) var last: ClusterStatus?

    init(directory: ClusterDirectory, progress: AsyncStream<Progress>.Continuation) {
        self.directory = directory
        self.progress = progress
        // A status that cannot be read is only a loss of history.
        last = try? directory.status()
    }

    /// True when the status says something new; then it is saved.
    mutating func write(_ new: ClusterStatus) throws(OperatorError) -> Bool {
        var comparable = new
        if let last { comparable.updated = last.updated }
        guard comparable != last else { return false }
        // Saved before it is told: what was told must be found after this process has died.
        try directory.save(new)
        last = new
        progress.yield(.status(directory.name, new))
        return true
    }
}
