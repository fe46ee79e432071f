extension Disk {
    /// The whole content of a file; throws `.tooLarge` rather than read more than `maxSize` bytes.
    package func read(_ path: String, maxSize: Int = 64 << 20) throws(DiskError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        let bytes = try file.read(at: 0, count: maxSize + 1)
        guard bytes.count <= maxSize else {
            throw DiskError(.tooLarge, "read", path, reason: "larger than \(maxSize) bytes")
        }
        return bytes
    }

    /// Puts a new content at `path` so that a reader, also after a power loss, finds the old or the
    /// new whole. Durable when it returns. One writer at a time per path: the content goes through
    /// `<path>.tmp`, and one left over from a crash is written over.
    package func replace(
        _ path: String,
        with bytes: [UInt8],
        permissions: UInt16 = 0o600
    ) throws(DiskError) {
        let temporary = path + ".tmp"
        if try status(temporary) != nil {
            try remove(temporary)
        }
        let file = try open(temporary, .create, permissions: permissions)
        defer { file.close() }
        try file.write(bytes, at: 0)
        try file.sync()
        try rename(temporary, to: path)
        try syncDirectory(Path.parent(of: path))
    }

    /// Removes what is at the path and, for a directory, everything below it; absent is fine.
    /// Not durable before the directory above is synced.
    package func removeAll(_ path: String) throws(DiskError) {
        guard let status = try status(path) else { return }
        if status.isDirectory {
            for name in try list(path) {
                try removeAll(Path.join(path, name))
            }
        }
        try remove(path)
    }
}

extension DiskFile {
    /// Writes the whole content of another file from the beginning on, a piece at a time. Not
    /// durable before a sync.
    package func fill(from source: any DiskFile) throws(DiskError) {
        var offset: Int64 = 0
        while true {
            let piece = try source.read(at: offset, count: 1 << 20)
            if piece.isEmpty { return }
            try write(piece, at: offset)
            offset += Int64(piece.count)
        }
    }
}
