package import Raft

extension WAL {
    /// What a log holds, read from a marker on.
    package struct Contents: Sendable {
        package let metadata: [UInt8]
        /// The last one; empty when none was written.
        package let hardState: HardState
        /// The marker that the reading started from.
        package let marker: Marker
        /// All entries behind the marker.
        package let entries: [Entry]
        /// Every marker in the files read, in the order written; those with an index above the
        /// commit index do not count (their writing was cut off by a crash).
        package let snapshots: [Marker]
        /// The writing that a power loss cut off, if one was found.
        package let tornTail: TornTail?

        /// The index of the last entry, or of the marker when nothing follows it.
        package var lastIndex: LogIndex { entries.last?.index ?? marker.index }
    }

    /// Where a torn write begins.
    package struct TornTail: Hashable, Sendable {
        package let file: String
        package let offset: Int64
    }
}
