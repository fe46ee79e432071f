import Raft

/// Turns records into frames, collected in one buffer that is used again for every write.
///
/// A frame is an 8-byte little-endian length, the record and zeros up to a multiple of eight. The
/// low 56 bits of the length count the record's bytes; with padding, the highest byte is 0x80 plus
/// the number of zeros. So a record of 13 bytes is
///
///     0d 00 00 00 00 00 00 83 | 13 bytes | 00 00 00
///
/// and since frames are aligned, a sector boundary never cuts a length.
struct FrameEncoder {
    private(set) var buffer: [UInt8] = []
    private(set) var crc: CRC32C
    /// The data of the record at hand.
    private var data: [UInt8] = []

    init(crc: CRC32C) {
        self.crc = crc
    }

    mutating func append(_ entry: Entry) {
        data.removeAll(keepingCapacity: true)
        entry.encode(into: &data)
        crc.update(data)
        frame(.entry, hasData: true)
    }

    mutating func append(_ state: HardState) {
        data.removeAll(keepingCapacity: true)
        state.encode(into: &data)
        crc.update(data)
        frame(.state, hasData: true)
    }

    mutating func append(_ marker: WAL.Marker) {
        data.removeAll(keepingCapacity: true)
        marker.encode(into: &data)
        crc.update(data)
        frame(.snapshot, hasData: true)
    }

    mutating func append(metadata: [UInt8]) {
        data.removeAll(keepingCapacity: true)
        data.append(contentsOf: metadata)
        crc.update(data)
        frame(.metadata, hasData: !metadata.isEmpty)
    }

    /// The checksum so far: the first record of a segment, which ties it to the one before.
    mutating func appendChecksum() {
        data.removeAll(keepingCapacity: true)
        frame(.crc, hasData: false)
    }

    /// After the buffer has been written. A buffer blown up by a large batch is given back.
    mutating func clear() {
        if buffer.capacity > Self.bufferBytesKept {
            buffer = []
        } else {
            buffer.removeAll(keepingCapacity: true)
        }
        if data.capacity > Self.bufferBytesKept {
            data = []
        }
    }

    private static let bufferBytesKept = 4 << 20

    private mutating func frame(_ kind: Record.Kind, hasData: Bool) {
        var head: InlineHead = InlineHead()
        head.append(1 << 3)
        head.append(UInt8(truncatingIfNeeded: kind.rawValue))
        head.append(2 << 3)
        head.append(varint: UInt64(crc.value))
        if hasData {
            head.append(3 << 3 | 2)
            head.append(varint: UInt64(data.count))
        }
        let count = head.count + data.count
        let padding = -count & 7
        buffer.append(
            littleEndian: UInt64(count)
                | (padding == 0 ? 0 : (0x80 | UInt64(padding)) << 56)
        )
        for at in 0..<head.count {
            buffer.append(head[at])
        }
        buffer.append(contentsOf: data)
        for _ in 0..<padding {
            buffer.append(0)
        }
    }
}

/// The few bytes before a record's data, without an allocation.
private struct InlineHead {
    private var bytes: [20 of UInt8] = .init(repeating: 0)
    private(set) var count = 0

    subscript(_ at: Int) -> UInt8 { bytes[at] }

    mutating func append(_ byte: UInt8) {
        bytes[count] = byte
        count += 1
    }

    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}
