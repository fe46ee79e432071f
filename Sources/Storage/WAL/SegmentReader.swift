import Raft

/// Walks over the frames of one segment, and judges its end.
///
/// A power loss leaves of the writes since the last sync any of their sectors, and zeros for the
/// others. So a torn write shows as a sector that is all zeros where a frame should be, or (on a
/// disk that stops in the middle of a sector) as a frame with nothing but zeros from some byte on,
/// or as a file that ends inside a frame. It lies in the last segment and not further before the
/// last written byte than is ever written without a sync. Everything else is damage. What cannot
/// be told from a torn write is damage of that shape to the last synced writes themselves.
struct SegmentReader {
    /// What stands at the position.
    enum Step {
        case record(Record.Kind, data: Range<Int>)
        /// Zeros from here on.
        case end
        /// A torn write begins here.
        case torn
    }

    private struct Damage: Error {
        let reason: String
    }

    let path: String
    let bytes: [UInt8]
    private let isLast: Bool
    /// The start of the next frame; after a record, its end.
    private(set) var position = 0
    /// The start of the frame that `next` returned last.
    private(set) var frameStart = 0
    /// Rolls over the data of the records.
    private(set) var crc: CRC32C

    private static let sectorBytes = 512
    /// See `WAL.unsyncedBytesMax`; more, because etcd writes larger batches.
    private static let tornBytesMax = 16 << 20

    /// `crc` is where the segment before ended; nil for the first one read, which is believed.
    init(path: String, bytes: [UInt8], isLast: Bool, crc: CRC32C?) {
        self.path = path
        self.bytes = bytes
        self.isLast = isLast
        self.crc = crc ?? CRC32C()
        expected = crc
    }

    private let expected: CRC32C?

    /// The next record. `index` is for the error's text: the entry that would follow.
    mutating func next(index: LogIndex) throws(WALError) -> Step {
        frameStart = position
        do throws(Damage) {
            return try step()
        } catch {
            throw damaged(error.reason, index: index)
        }
    }

    func damaged(_ reason: String, index: LogIndex) -> WALError {
        .corrupt(file: path, offset: Int64(frameStart), index: index, reason: reason)
    }

    private mutating func step() throws(Damage) -> Step {
        guard position + 8 <= bytes.count else { return try judgeEndOfFile() }
        let length = Bytes.loadLittleEndian(bytes, at: position)
        if length == 0 { return try judgeEnd() }

        let claimed = Int(length & (1 << 56 - 1))
        let padding = -claimed & 7
        guard length >> 56 == (padding == 0 ? 0 : 0x80 | UInt64(padding)), claimed > 0 else {
            return try judgeTorn(claimed: claimed, "the length is none that was ever written")
        }
        guard claimed <= bytes.count - position - 8 - padding else {
            return try judgeTorn(claimed: claimed, "the record ends behind the file")
        }
        let body = (position + 8)..<(position + 8 + claimed)
        guard let record = Record(bytes, body) else {
            return try judgeTorn(claimed: claimed, "the record's fields cannot be read")
        }
        guard let kind = Record.Kind(rawValue: record.kind) else {
            return try judgeTorn(claimed: claimed, "no record has the type \(record.kind)")
        }
        if kind == .crc {
            try check(checksum: record)
            crc = CRC32C(record.crc)
        } else {
            guard position > 0 else {
                throw Damage(reason: "the segment does not begin with a checksum")
            }
            var rolled = crc
            rolled.update(bytes, record.data)
            guard rolled.value == record.crc else {
                return try judgeTorn(claimed: claimed, "the checksum is wrong")
            }
            crc = rolled
        }
        position = body.upperBound + padding
        return .record(kind, data: record.data)
    }

    private func check(checksum record: Record) throws(Damage) {
        guard record.data.isEmpty else {
            throw Damage(reason: "a checksum record carries data")
        }
        if position > 0 || expected != nil {
            guard record.crc == crc.value else {
                throw Damage(reason: "the segment does not continue what comes before it")
            }
        }
    }

    /// No frame begins here: the zeros at the end, or a hole that a power loss left.
    private func judgeEnd() throws(Damage) -> Step {
        guard position > 0 else { throw Damage(reason: "the segment is empty") }
        let end = Bytes.endOfNonZero(in: bytes, position..<bytes.count)
        if end == position { return .end }
        guard isLast else {
            throw Damage(reason: "something follows the end of a segment that is not the last")
        }
        let sectorEnd = (position / Self.sectorBytes + 1) * Self.sectorBytes
        guard Bytes.firstNonZero(in: bytes, position..<min(sectorEnd, bytes.count)) == nil else {
            throw Damage(reason: "a length is missing in a sector that was written")
        }
        guard end - position <= Self.tornBytesMax else {
            throw Damage(reason: "a hole too far before the end to be a torn write")
        }
        return .torn
    }

    /// The file ends here, or inside a length.
    private func judgeEndOfFile() throws(Damage) -> Step {
        guard position > 0 else { throw Damage(reason: "the segment is empty") }
        if Bytes.firstNonZero(in: bytes, position..<bytes.count) == nil { return .end }
        guard isLast else { throw Damage(reason: "the file ends inside a length") }
        return .torn
    }

    /// Something is wrong with the frame here: torn, or damaged for the reason given.
    private func judgeTorn(claimed: Int, _ reason: String) throws(Damage) -> Step {
        guard isLast, position > 0 else { throw Damage(reason: reason) }
        let body = position + 8
        let end = max(body, Bytes.endOfNonZero(in: bytes, position..<bytes.count))
        let isTorn: Bool
        var reach = Self.tornBytesMax
        switch Record.head(bytes, body..<end, claimed: claimed) {
        case .agrees:
            // A write can also stop inside the zeros behind the record that fill its frame up.
            let frameEnd = body + claimed + (-claimed & 7)
            isTorn =
                end < body + claimed || bytes.count < frameEnd
                || hasZeroSector(body..<(body + claimed))
            reach += claimed
        case .cutOff:
            isTorn = true
        case .disagrees:
            isTorn = hasZeroSector(body..<(body + Record.headBytesMax))
        }
        guard isTorn else { throw Damage(reason: reason) }
        guard end - position <= reach else {
            throw Damage(reason: "\(reason), too far before the end to be a torn write")
        }
        return .torn
    }

    /// Whether one of the sectors that `range` touches is all zeros, as far as it lies behind the
    /// range's start.
    private func hasZeroSector(_ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        let end = min(range.upperBound, bytes.count)
        while at < end {
            let sectorEnd = min((at / Self.sectorBytes + 1) * Self.sectorBytes, bytes.count)
            if Bytes.firstNonZero(in: bytes, at..<sectorEnd) == nil { return true }
            at = sectorEnd
        }
        return false
    }
}
