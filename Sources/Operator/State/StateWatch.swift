import Synchronization

/// Wakes whoever shows files of a state directory when they may have changed, until it is ended.
///
/// It needs no operator: it watches the directories themselves.
package final class StateWatch: Sendable {
    private let watch: DirectoryWatch
    private let isEnded = Atomic(false)
    private let isBlind = Atomic(false)

    package init() throws(OperatorError) {
        watch = try DirectoryWatch(events: try FileEvents())
    }

    package var hasEnded: Bool { isEnded.load(ordering: .acquiring) }

    /// Wakes the waiter for the last time.
    package func end() {
        isEnded.store(true, ordering: .releasing)
        watch.bell.ring()
    }

    /// Watches directories too; again is fine, and needed for one that was made anew. To be called
    /// before they are read, so that nothing falls between.
    ///
    /// - Parameter writes: Also tell of every write to their files, not only of the last.
    package func add(_ directories: [String], writes: Bool = false) {
        for directory in directories where !watch.add(directory, writes: writes) {
            isBlind.store(true, ordering: .relaxed)
        }
    }

    /// Returns at the next change. Not every file system reports those that others make, so it also
    /// returns after some seconds, and after one where a directory cannot be watched.
    package func wait() async {
        if hasEnded { return }
        let limit: Duration =
            isBlind.exchange(false, ordering: .relaxed) ? .seconds(1) : .seconds(5)
        await watch.bell.wait(atMost: limit)
    }
}
