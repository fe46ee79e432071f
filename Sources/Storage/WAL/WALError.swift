package import Raft

/// Why the log cannot be read or written.
package enum WALError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The disk failed. When it failed a write or a sync, the log takes nothing more.
    case disk(DiskError)
    /// No log in the directory.
    case absent(directory: String)
    /// A log is there already.
    case exists(directory: String)
    /// A record that was once whole is not any more; `index` is the entry that would follow.
    case corrupt(file: String, offset: Int64, index: LogIndex, reason: String)
    /// No record of the marker asked for, or the entries behind it are not there.
    case noMarker(directory: String, index: LogIndex, term: Term)
    /// A write failed before; `first` is what it said.
    case poisoned(first: String)
    /// The writer was stopped.
    case stopped

    package var description: String {
        switch self {
        case .disk(let error):
            error.description
        case .absent(let directory):
            "no write-ahead log in \(directory)"
        case .exists(let directory):
            "there is a write-ahead log in \(directory) already"
        case .corrupt(let file, let offset, let index, let reason):
            """
            the write-ahead log is damaged: \(file) at byte \(offset), before the entry \(index) \
            was complete: \(reason). This is no torn write. Replace this member, or restore it \
            from a backup; do not edit the file
            """
        case .noMarker(let directory, let index, let term):
            """
            the write-ahead log in \(directory) has no snapshot marker with index \(index) and \
            term \(term), or not all entries behind it: files are missing. Replace this member, \
            or restore it from a backup
            """
        case .poisoned(let first):
            """
            the write-ahead log takes nothing more since a write failed (\(first)): what is on \
            disk is unknown until the log is opened again. Restart this member
            """
        case .stopped:
            "the log's writer was stopped"
        }
    }
}
