package import Storage

/// Counts the lines with certain words that a growing log gains from when it is first looked at.
///
/// A look costs one call while nothing was written. What the log had before, what is moved away
/// between two looks and all but the end of a large gain is not counted: it is a measure, no
/// record.
package struct LogCounter {
    private var file: FileStatus?
    /// The next line begins here.
    private var offset: Int64 = 0

    private static let longestRead = 256 << 10

    package init() {}

    /// The lines with any of the words since the last call; none from a log that cannot be read.
    package mutating func count(_ words: [String], in path: String, on disk: any Disk) -> Int {
        guard let status = try? disk.status(path) else { return 0 }
        let isKnown = file?.device == status.device && file?.inode == status.inode
        let isFirst = file == nil
        file = status
        if isFirst { offset = status.size }
        // Another run's file, or one that was cut.
        if !isFirst && !isKnown || status.size < offset { offset = 0 }
        guard status.size > offset else { return 0 }
        offset = max(offset, status.size - Int64(LogCounter.longestRead))
        guard let log = try? disk.open(path, .read) else { return 0 }
        defer { log.close() }
        let bytes = (try? log.read(at: offset, count: LogCounter.longestRead)) ?? []
        let newline = UInt8(ascii: "\n")
        guard let end = bytes.lastIndex(of: newline) else { return 0 }
        offset += Int64(end) + 1
        return bytes[..<end].split(separator: newline).count { line in
            let text = String(decoding: line, as: UTF8.self)
            return words.contains { text.contains($0) }
        }
    }
}
