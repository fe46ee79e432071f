/// The number of bytes of `value` as a varint.
func varintSize(_ value: UInt64) -> Int {
    (UInt64.bitWidth - (value | 1).leadingZeroBitCount + 6) / 7
}

/// The number of bytes of a length-delimited field with a number below 16.
func fieldSize(length: Int) -> Int {
    1 + varintSize(UInt64(length)) + length
}

/// The number of bytes of a varint field with a number below 16.
func fieldSize(varint: UInt64) -> Int {
    1 + varintSize(varint)
}

/// Writers of fields; raftpb's field numbers are all below 16, so a tag is one byte.
extension [UInt8] {
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func appendField(_ number: UInt8, varint value: UInt64) {
        append(number << 3)
        appendVarint(value)
    }

    mutating func appendField(_ number: UInt8, flag: Bool) {
        append(number << 3)
        append(flag ? 1 : 0)
    }

    mutating func appendField(_ number: UInt8, bytes: [UInt8]) {
        append(number << 3 | 2)
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    mutating func appendField(_ number: UInt8, message: some WireCodable) {
        append(number << 3 | 2)
        appendVarint(UInt64(message.encodedSize))
        message.encode(into: &self)
    }
}
