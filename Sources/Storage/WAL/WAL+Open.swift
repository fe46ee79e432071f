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
            // A killed process may have left what the system holds but the disk does not.
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
