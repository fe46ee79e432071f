package import Raft

/// The write-ahead log: what a member has promised, in etcd's own file format.
///
/// A directory of segments, `0000000000000000-0000000000000000.wal` first, each a stream of frames
/// (see `FrameEncoder`) that hold records (see `Record`), then zeros:
///
///     segment 0:  crc 0 | metadata | marker 0 | entry 1 | state | entry 2 | entry 3 | state | 0 0
///     segment 1:  crc c | metadata | state | entry 4 | marker 3 | ...
///
/// The checksum rolls over the data of all records, across segments: the `crc` record at the head
/// of a segment repeats where the one before ended. An entry replaces an earlier one of its index
/// and all behind that. Behind the last record a segment is zeros: those that were written ahead
/// make a sync cheap, for then it changes no length and no block map.
///
/// Before a segment gets its name it is synced with its head, and the one before is synced whole;
/// so only the last segment can end in a torn write.
///
/// A write or sync that failed is final: the log throws from then on. One thread at a time.
package final class WAL {
    /// Where the segments are.
    package let directory: String
    /// What identifies the log's owner, given when it was made; at the head of every segment.
    package let metadata: [UInt8]
    /// The index of the last entry appended, or of a later marker.
    package internal(set) var lastIndex: LogIndex
    /// The last state appended.
    package internal(set) var hardState: HardState
    /// The segment after this one, made ready by another thread.
    let spare: SpareSegment

    let disk: any Disk
    let segmentSize: Int64
    /// Oldest first; the last one is written to.
    var segments: [SegmentName]
    var tail: any DiskFile
    /// The end of what has been written to the tail.
    var position: Int64
    /// Up to here the tail has blocks, zeroed.
    var filled: Int64
    var encoder: FrameEncoder
    /// Bytes written since the last sync.
    var unsynced: Int64 = 0
    /// The newest marker that is durable together with a commit index that covers it.
    var marker: Marker
    /// Markers appended that are not yet so.
    var laterMarkers: [Marker]
    var failure: WALError?

    /// As etcd's: 64 million bytes.
    package static let defaultSegmentSize: Int64 = 64_000_000
    /// So much is written at most without a sync, plus one record: a hole further before the end
    /// than that is no torn write.
    static let unsyncedBytesMax: Int64 = 4 << 20
    /// The buffer is written out when it holds more.
    static let bufferedBytesMax = 1 << 20

    init(
        disk: any Disk,
        directory: String,
        segmentSize: Int64,
        metadata: [UInt8],
        segments: [SegmentName],
        tail: any DiskFile,
        position: Int64,
        filled: Int64,
        crc: CRC32C
    ) {
        self.disk = disk
        self.directory = directory
        self.segmentSize = segmentSize
        self.metadata = metadata
        self.segments = segments
        self.tail = tail
        self.position = position
        self.filled = filled
        encoder = FrameEncoder(crc: crc)
        lastIndex = .zero
        hardState = HardState()
        marker = .zero
        laterMarkers = []
        spare = SpareSegment(disk: disk, directory: directory, segmentSize: segmentSize)
    }

    /// Whether there is a log in the directory.
    package static func exists(
        on disk: any Disk,
        directory: String
    ) throws(DiskError) -> Bool {
        guard let status = try disk.status(directory), status.isDirectory else { return false }
        return try disk.list(directory).contains { SegmentName($0) != nil }
    }

    /// The segment that is written to, and the end of what has been written to it.
    package var tailName: String { segments[segments.count - 1].description }
    package var tailPosition: Int64 { position }

    /// Closes the files. What was not synced may or may not survive.
    package func close() {
        failure = failure ?? .stopped
        tail.close()
        spare.discard()
    }
}

extension WAL {
    /// Zeroes what is due of the next segment, on the caller's thread; `LogWriter` has a thread
    /// for it.
    package func prepareSpare() {
        while spare.prepareDuePiece() {}
    }
}
