extension WAL {
    /// Reads a log and makes it ready to go on. A torn write at the end is cut off; damage is an
    /// error. What it returns is durable.
    ///
    /// - Parameter marker: where to start; it must be in the log. Without one: the newest that the
    ///   commit index covers.
    package static func open(
        on disk: any Disk,
        directory: String,
        from marker: Marker? = nil,
        segmentSize: Int64 = defaultSegmentSize
    ) throws(WALError) -> (WAL, Contents) {
        let directory = Path.withoutTrailingSlash(directory)
        let reading = try Reading(on: disk, directory: directory, from: marker)
        let contents = reading.contents
        do throws(DiskError) {
            for name in try disk.list(directory) where name.hasSuffix(".tmp") {
                try disk.removeAll(Path.join(directory, name))
            }
            let tail = try disk.open(reading.tailPath, .write)
            var filled = try tail.size()
            if contents.tornTail != nil {
                try tail.truncate(to: reading.end)
                filled = reading.end
            }
            // A killed process may have left what the system holds but the disk does not; and one
            // that ended because a sync failed, what the system shows but will never write.
            try writeAgain(tail, upTo: reading.end)
            try tail.truncate(to: filled)
            try tail.sync()
            try disk.syncDirectory(directory)
            let wal = WAL(
                disk: disk,
                directory: directory,
                segmentSize: segmentSize,
                metadata: contents.metadata,
                segments: reading.segments,
                tail: tail,
                position: reading.end,
                filled: filled,
                crc: reading.crc
            )
            wal.hardState = contents.hardState
            wal.lastIndex = contents.lastIndex
            wal.marker = contents.marker
            return (wal, contents)
        } catch {
            throw .disk(error)
        }
    }

    /// Writes the end of a segment over itself. After a sync that failed the system takes the pages
    /// that it could not write for written: it shows them, syncs them with success, and loses them
    /// with the power. Only a new write makes a sync mean something again. Nothing but the writes
    /// since the last sync can be so, and of those there are never more than a few megabytes.
    private static func writeAgain(
        _ tail: any DiskFile,
        upTo end: Int64
    ) throws(DiskError) {
        var at = max(0, end - writeAgainBytes)
        while at < end {
            let bytes = try tail.read(at: at, count: Int(min(end - at, 1 << 20)))
            guard !bytes.isEmpty else { return }
            try tail.write(bytes, at: at)
            at += Int64(bytes.count)
        }
    }

    /// More than is ever written without a sync.
    private static let writeAgainBytes = 2 * unsyncedBytesMax

    /// Reads a log and changes nothing.
    package static func read(
        on disk: any Disk,
        directory: String,
        from marker: Marker? = nil
    ) throws(WALError) -> Contents {
        try Reading(
            on: disk,
            directory: Path.withoutTrailingSlash(directory),
            from: marker
        ).contents
    }
}
