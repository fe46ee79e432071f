/// One record of the log (`walpb.Record`): 1 type, 2 crc, 3 data. The checksum rolls over the data
/// of all records so far, not over the type.
struct Record: Hashable {
    /// walpb's record types.
    enum Kind: UInt64 {
        case metadata = 1
        case entry = 2
        case state = 3
        case crc = 4
        case snapshot = 5
    }

    var kind: UInt64 = 0
    var crc: UInt32 = 0
    /// Where the data lies in the bytes parsed from; empty when the field is absent.
    var data: Range<Int>

    /// Parses `range` of `bytes`; nil when it is not a record.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var scanner = FieldScanner(bytes, range)
        data = range.lowerBound..<range.lowerBound
        while !scanner.isAtEnd {
            guard let field = scanner.next() else { return nil }
            switch (field.number, field.value) {
            case (1, .varint(let value)): kind = value
            case (2, .varint(let value)):
                guard let value = UInt32(exactly: value) else { return nil }
                crc = value
            case (3, .bytes(let range)): data = range
            case (1...3, _): return nil
            default: break
            }
        }
    }

    /// What a record's first bytes say about its length.
    enum Head {
        /// As long as the frame says: it was written with that length.
        case agrees
        case disagrees
        /// The bytes shown end inside the head.
        case cutOff
    }

    /// Compares the head of the record that begins `range` with the length its frame claims,
    /// without needing the data.
    static func head(_ bytes: [UInt8], _ range: Range<Int>, claimed: Int) -> Head {
        let shown = range.lowerBound..<min(range.upperBound, range.lowerBound + headBytesMax)
        var scanner = FieldScanner(bytes, shown)
        for number: UInt64 in 1...2 {
            guard let field = scanner.next(), field.number == number, case .varint = field.value
            else { return scanner.ranOut ? .cutOff : .disagrees }
        }
        if scanner.position - range.lowerBound == claimed { return .agrees }
        guard let (number, count) = scanner.nextLength(), number == 3 else {
            return scanner.ranOut ? .cutOff : .disagrees
        }
        return scanner.position - range.lowerBound + count == claimed ? .agrees : .disagrees
    }

    /// Type, checksum, and tag and length of the data.
    static let headBytesMax = 2 + 6 + 1 + 10
}

/// Walks over protobuf fields.
struct FieldScanner {
    enum Value {
        case varint(UInt64)
        case bytes(Range<Int>)
        case fixed
    }

    private let bytes: [UInt8]
    private let end: Int
    private(set) var position: Int
    /// Whether a number was cut off by the end.
    private(set) var ranOut = false

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = min(range.upperBound, bytes.count)
    }

    var isAtEnd: Bool { position >= end }

    struct Field {
        let number: UInt64
        let value: Value
    }

    /// The next field; nil when there is none or it is malformed.
    mutating func next() -> Field? {
        guard let tag = varint(), tag >> 3 != 0 else { return nil }
        switch tag & 7 {
        case 0:
            guard let value = varint() else { return nil }
            return Field(number: tag >> 3, value: .varint(value))
        case 1, 5:
            let width = tag & 7 == 1 ? 8 : 4
            guard end - position >= width else { return nil }
            position += width
            return Field(number: tag >> 3, value: .fixed)
        case 2:
            guard let count = varint(), count <= UInt64(end - position) else { return nil }
            let range = position..<(position + Int(count))
            position = range.upperBound
            return Field(number: tag >> 3, value: .bytes(range))
        default:
            return nil
        }
    }

    /// Number and length of a length-delimited field, whose content may lie behind the end.
    mutating func nextLength() -> (number: UInt64, count: Int)? {
        guard let tag = varint(), tag & 7 == 2, let count = varint(), count < 1 << 48 else {
            return nil
        }
        return (tag >> 3, Int(count))
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        ranOut = position >= end
        return nil
    }
}
