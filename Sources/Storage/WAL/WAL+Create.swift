import Raft

extension WAL {
    /// Makes a log. After a crash it is there whole or not at all: the first segment is written in
    /// `<directory>.tmp`, which then gets its name.
    ///
    /// Only a small part of the segment is zeroed (see `append`), so that a new member starts in
    /// milliseconds and an idle one stays small.
    package static func create(
        on disk: any Disk,
        directory: String,
        metadata: [UInt8],
        segmentSize: Int64 = defaultSegmentSize
    ) throws(WALError) -> WAL {
        let directory = Path.withoutTrailingSlash(directory)
        do throws(DiskError) {
            if try exists(on: disk, directory: directory) {
                throw DiskError(.alreadyExists, "create", directory, reason: "it has segments")
            }
            let temporary = directory + ".tmp"
            try disk.removeAll(temporary)
            try disk.createDirectory(temporary)
            let name = SegmentName(sequence: 0, firstIndex: .zero)
            let file = try disk.open(Path.join(temporary, name.description), .create)
            var encoder = FrameEncoder(crc: CRC32C())
            encoder.appendChecksum()
            encoder.append(metadata: metadata)
            encoder.append(Marker.zero)
            let position = Int64(encoder.buffer.count)
            try file.write(encoder.buffer, at: 0)
            let filled = min(firstFill, segmentSize)
            try Zeros.write(to: file, from: position, to: filled)
            try file.sync()
            file.close()
            try disk.syncDirectory(temporary)
            try disk.rename(temporary, to: directory)
            try disk.syncDirectory(Path.parent(of: directory))
            return WAL(
                disk: disk,
                directory: directory,
                segmentSize: segmentSize,
                metadata: metadata,
                segments: [name],
                tail: try disk.open(Path.join(directory, name.description), .write),
                position: position,
                filled: max(filled, position),
                crc: encoder.crc
            )
        } catch {
            throw error.kind == .alreadyExists && error.operation == "create"
                ? .exists(directory: directory) : .disk(error)
        }
    }

    /// Bytes of the first segment that are zeroed when it is made.
    static let firstFill: Int64 = 64 << 10
}

/// Zeros for files.
enum Zeros {
    private static let block = [UInt8](repeating: 0, count: 64 << 10)

    /// Writes zeros from one offset up to another; nothing when it lies before.
    static func write(
        to file: any DiskFile,
        from start: Int64,
        to end: Int64
    ) throws(DiskError) {
        var at = start
        while at < end {
            let count = Int(min(end - at, Int64(block.count)))
            try file.write(unsafe block.span.bytes.extracting(first: count), at: at)
            at += Int64(count)
        }
    }
}
