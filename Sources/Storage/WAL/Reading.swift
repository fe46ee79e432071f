import Raft

/// What came of reading a log's segments in order.
struct Reading {
    let contents: WAL.Contents
    /// The segments that continue each other up to the last, oldest first.
    let segments: [SegmentName]
    let tailPath: String
    /// The end of the last record in the last segment, and the checksum there.
    let end: Int64
    let crc: CRC32C

    /// A segment is read whole; etcd's have 64 MB and at most a batch more.
    static let segmentBytesMax = 2 << 30

    init(
        on disk: any Disk,
        directory: String,
        from start: WAL.Marker?
    ) throws(WALError) {
        segments = try Self.consecutive(on: disk, in: directory)
        let used = try Self.needed(segments, from: start, in: directory)
        var collector = LogCollector(start: start)
        var crc: CRC32C?
        var end = 0
        var path = directory
        var torn: WAL.TornTail?
        for (position, name) in used.enumerated() {
            path = Path.join(directory, name.description)
            var reader = SegmentReader(
                path: path,
                bytes: try Self.bytes(on: disk, path),
                isLast: position == used.count - 1,
                crc: crc
            )
            if try Self.collect(from: &reader, into: &collector) {
                torn = WAL.TornTail(file: path, offset: Int64(reader.position))
            }
            crc = reader.crc
            end = reader.position
        }
        tailPath = path
        self.end = Int64(end)
        self.crc = crc ?? CRC32C()
        contents = try Self.contents(collector, torn, used, directory, path, end)
    }

    private static func bytes(on disk: any Disk, _ path: String) throws(WALError) -> [UInt8] {
        do {
            return try disk.read(path, maxSize: segmentBytesMax)
        } catch {
            throw .disk(error)
        }
    }

    /// The segments up to the last without a hole in their numbers. Older ones before a hole are
    /// leftovers of a release that a crash cut off.
    private static func consecutive(
        on disk: any Disk,
        in directory: String
    ) throws(WALError) -> [SegmentName] {
        let names: [SegmentName]
        do throws(DiskError) {
            names =
                try disk.status(directory) == nil
                ? [] : try disk.list(directory).compactMap(SegmentName.init)
        } catch {
            throw .disk(error)
        }
        guard var start = names.indices.last else { throw .absent(directory: directory) }
        while start > 0, names[start - 1].sequence + 1 == names[start].sequence {
            start -= 1
        }
        return Array(names[start...])
    }

    /// From the last segment that begins at or before the marker on.
    private static func needed(
        _ segments: [SegmentName],
        from start: WAL.Marker?,
        in directory: String
    ) throws(WALError) -> ArraySlice<SegmentName> {
        guard let start else { return segments[...] }
        guard let first = segments.lastIndex(where: { $0.firstIndex <= start.index }) else {
            throw .noMarker(directory: directory, index: start.index, term: start.term)
        }
        return segments[first...]
    }

    /// Reads one segment to its end; true when that is a torn write.
    private static func collect(
        from reader: inout SegmentReader,
        into collector: inout LogCollector
    ) throws(WALError) -> Bool {
        while true {
            let index = collector.nextIndex
            switch try reader.next(index: index) {
            case .end: return false
            case .torn: return true
            case .record(let kind, let data):
                do throws(LogCollector.Contradiction) {
                    try collector.add(kind, reader.bytes[data])
                } catch {
                    throw reader.damaged(error.reason, index: index)
                }
            }
        }
    }

    private static func contents(
        _ collector: LogCollector,
        _ torn: WAL.TornTail?,
        _ used: ArraySlice<SegmentName>,
        _ directory: String,
        _ tail: String,
        _ end: Int
    ) throws(WALError) -> WAL.Contents {
        func damaged(_ reason: String) -> WALError {
            .corrupt(file: tail, offset: Int64(end), index: collector.nextIndex, reason: reason)
        }
        guard let metadata = collector.metadata else { throw damaged("no metadata") }
        let found: (marker: WAL.Marker, entries: [Entry])?
        do throws(LogCollector.Contradiction) {
            found = try collector.finish()
        } catch {
            throw damaged(error.reason)
        }
        let wanted = collector.start ?? collector.markers.last ?? .zero
        guard let found, let first = used.first, first.firstIndex <= found.marker.index else {
            throw .noMarker(directory: directory, index: wanted.index, term: wanted.term)
        }
        return WAL.Contents(
            metadata: metadata,
            hardState: collector.state,
            marker: found.marker,
            entries: found.entries,
            snapshots: collector.markers,
            tornTail: torn
        )
    }
}
