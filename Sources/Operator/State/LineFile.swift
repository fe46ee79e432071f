import Storage

/// A file of JSON lines that only grows, until it is rolled over to `<path>.1`.
///
/// A line is durable when `append` returns. A line torn by a power loss is cut off by the next
/// append and skipped by every reader.
struct LineFile {
    let path: String
    let disk: any Disk
    var maxBytes: Int64 = 1 << 20

    func append(_ value: some Encodable) throws(OperatorError) {
        do throws(DiskError) {
            try append(JSON.encode(value, pretty: false) + [UInt8(ascii: "\n")])
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func append(_ line: [UInt8]) throws(DiskError) {
        let isNew = try disk.status(path) == nil
        let file = try disk.open(path, .createOrOpen)
        defer { file.close() }
        var end = try file.size()
        if end > maxBytes {
            file.close()
            try disk.rename(path, to: path + ".1")
            try disk.syncDirectory(folder)
            return try append(line)
        }
        end = try wholeLines(of: file, size: end)
        try file.write(line, at: end)
        try file.sync()
        if isNew { try disk.syncDirectory(folder) }
    }

    /// Where the last complete line ends.
    private func wholeLines(of file: any DiskFile, size: Int64) throws(DiskError) -> Int64 {
        var end = size
        while end > 0 {
            let start = max(0, end - 4096)
            let chunk = try file.read(at: start, count: Int(end - start))
            if let last = chunk.lastIndex(of: UInt8(ascii: "\n")) {
                end = start + Int64(last) + 1
                break
            }
            end = start
        }
        if end < size { try file.truncate(to: end) }
        return end
    }

    /// The lines that can be read, oldest first, of the rolled file too.
    func load<Value: Decodable>(_ type: Value.Type) throws(OperatorError) -> [Value] {
        var values: [Value] = []
        for name in [path + ".1", path] {
            let bytes: [UInt8]
            do throws(DiskError) {
                bytes = try disk.read(name, maxSize: Int(maxBytes) * 2)
            } catch {
                if error.kind == .notFound { continue }
                throw OperatorError(state: error)
            }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                // What does not decode is a torn line: the next append removes it.
                if let value = try? JSON.decode(type, from: line) { values.append(value) }
            }
        }
        return values
    }

    private var folder: String {
        String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }
}
