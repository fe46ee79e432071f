import ClusterAPI

/// The events of one cluster: written down, counted when they repeat, told to whoever watches.
struct EventLog {
    let directory: ClusterDirectory
    let progress: AsyncStream<Progress>.Continuation
    let clocks: Clocks
    /// The last ones, to find repetitions; older ones start anew at one.
    private var recent: [Event] = []
    private static let remembered = 32

    init(
        directory: ClusterDirectory,
        progress: AsyncStream<Progress>.Continuation,
        clocks: Clocks
    ) {
        self.directory = directory
        self.progress = progress
        self.clocks = clocks
    }

    mutating func record(_ type: Event.Kind, _ reason: String, _ message: String)
        throws(OperatorError)
    {
        var event = Event(
            time: clocks.wallNow(),
            cluster: directory.name,
            type: type,
            reason: reason,
            message: message
        )
        if let index = recent.lastIndex(where: { $0.repeats(event) }) {
            event.count = recent[index].count + 1
            recent.remove(at: index)
        }
        recent.append(event)
        if recent.count > EventLog.remembered { recent.removeFirst() }
        progress.yield(.event(event))
        // What is tried each second for days must not drive everything else out of the file.
        let isWritten = event.count <= 16 || event.count & (event.count - 1) == 0
        if isWritten { try directory.append(event) }
    }
}
