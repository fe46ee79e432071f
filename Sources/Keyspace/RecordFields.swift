/// The parts of an `mvccpb.KeyValue` message, as found in its bytes.
struct RecordFields: Hashable, Sendable {
    var key: Range<Int> = 0..<0
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var version: Int64 = 0
    var value: Range<Int> = 0..<0
    var lease: Int64 = 0

    init() {}

    /// Reads the message; nil when the bytes are not one. Unknown fields are skipped.
    init?(_ bytes: Span<UInt8>) {
        var reader = WireReader(position: 0)
        while reader.position < bytes.count {
            guard let tag = reader.varint(bytes) else { return nil }
            switch tag {
            case 0x0A:
                guard let range = reader.length(bytes) else { return nil }
                key = range
            case 0x10:
                guard let number = reader.varint(bytes) else { return nil }
                createRevision = Int64(bitPattern: number)
            case 0x18:
                guard let number = reader.varint(bytes) else { return nil }
                modRevision = Int64(bitPattern: number)
            case 0x20:
                guard let number = reader.varint(bytes) else { return nil }
                version = Int64(bitPattern: number)
            case 0x2A:
                guard let range = reader.length(bytes) else { return nil }
                value = range
            case 0x30:
                guard let number = reader.varint(bytes) else { return nil }
                lease = Int64(bitPattern: number)
            default:
                guard reader.skip(bytes, tag: tag) else { return nil }
            }
        }
    }
}

/// A position in a message of the protobuf encoding.
private struct WireReader {
    var position: Int

    mutating func varint(_ bytes: Span<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// The range of a field that carries its length.
    mutating func length(_ bytes: Span<UInt8>) -> Range<Int>? {
        guard let count = varint(bytes), count <= UInt64(bytes.count - position) else { return nil }
        let start = position
        position += Int(count)
        return start..<position
    }

    mutating func skip(_ bytes: Span<UInt8>, tag: UInt64) -> Bool {
        switch tag & 7 {
        case 0: return varint(bytes) != nil
        case 1: return advance(bytes, 8)
        case 2: return length(bytes) != nil
        case 5: return advance(bytes, 4)
        default: return false
        }
    }

    private mutating func advance(_ bytes: Span<UInt8>, _ count: Int) -> Bool {
        guard count <= bytes.count - position else { return false }
        position += count
        return true
    }
}

extension [UInt8] {
    /// Appends a varint field, or nothing for zero.
    mutating func appendField(_ number: UInt8, _ value: Int64) {
        guard value != 0 else { return }
        append(number << 3)
        appendVarint(UInt64(bitPattern: value))
    }

    /// Appends a bytes field, or nothing when it is empty.
    mutating func appendField(_ number: UInt8, _ value: some Collection<UInt8>) {
        guard !value.isEmpty else { return }
        append(number << 3 | 2)
        appendVarint(UInt64(value.count))
        append(contentsOf: value)
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}
