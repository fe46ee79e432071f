/// A file of lines to which whole lines are added, each durable before `append` returns.
///
/// Every line carries its checksum, `1a2b3c4d text`, so that a line cut off by a crash is known:
/// it is dropped when the journal is opened. A bad line with good ones behind it is damage.
package final class Journal {
    private let file: any DiskFile
    private var end: Int64
    private var failure: DiskError?

    /// Opens the journal, or makes an empty one, and returns the lines in it.
    package static func open(
        on disk: any Disk,
        path: String,
        maxSize: Int = 64 << 20
    ) throws(DiskError) -> (journal: Journal, lines: [String]) {
        let isNew = try disk.status(path) == nil
        let file = try disk.open(path, .createOrOpen)
        if isNew {
            try disk.syncDirectory(Path.parent(of: path))
        }
        let bytes = try disk.read(path, maxSize: maxSize)
        let (lines, end) = try parse(bytes, path)
        if end < bytes.count {
            try file.truncate(to: Int64(end))
        }
        try file.sync()
        return (Journal(file: file, end: Int64(end)), lines)
    }

    private init(file: any DiskFile, end: Int64) {
        self.file = file
        self.end = end
    }

    /// Adds a line, which must not contain a line break. After a failure the journal takes nothing
    /// more until it is opened again.
    package func append(_ line: String) throws(DiskError) {
        if let failure { throw failure }
        invariant(!line.utf8.contains(0x0A), "a line of a journal with a line break")
        let text = Array(line.utf8)
        let bytes = Self.checksum(text) + [0x20] + text + [0x0A]
        do throws(DiskError) {
            try file.write(bytes, at: end)
            try file.sync()
        } catch {
            failure = error
            throw error
        }
        end += Int64(bytes.count)
    }

    package func close() {
        file.close()
    }

    /// The whole lines, and where they end.
    private static func parse(
        _ bytes: [UInt8],
        _ path: String
    ) throws(DiskError) -> (lines: [String], end: Int) {
        var lines: [String] = []
        var end = 0
        var at = 0
        while let newline = bytes[at...].firstIndex(of: 0x0A) {
            let text = bytes[at..<newline].dropFirst(9)
            if Array(bytes[at..<newline].prefix(9)) == checksum(Array(text)) + [0x20] {
                guard end == at else {
                    throw DiskError(
                        .other,
                        "read journal",
                        path,
                        reason: "damaged at byte \(end), with good lines behind it"
                    )
                }
                lines.append(String(decoding: text, as: UTF8.self))
                end = newline + 1
            }
            at = newline + 1
        }
        return (lines, end)
    }

    private static func checksum(_ text: [UInt8]) -> [UInt8] {
        var crc = CRC32C()
        crc.update(text)
        let digits = String(crc.value, radix: 16)
        return Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    }
}
