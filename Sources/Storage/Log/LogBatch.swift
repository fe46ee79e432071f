package import Raft

/// What is to be logged together.
package struct LogBatch: Sendable {
    package var entries: [Entry]
    /// The state that goes with the entries; nil when it has not changed.
    package var hardState: HardState?
    /// Written before the entries: they may continue from it (a snapshot was installed).
    package var marker: WAL.Marker?
    /// Whether it must be durable before it is reported done; false only when nothing but the
    /// commit index changed.
    package var mustSync: Bool

    package init(
        entries: [Entry] = [],
        hardState: HardState? = nil,
        marker: WAL.Marker? = nil,
        mustSync: Bool = true
    ) {
        self.entries = entries
        self.hardState = hardState
        self.marker = marker
        self.mustSync = mustSync
    }
}
