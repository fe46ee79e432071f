/// The few places where bytes are looked at without bounds checks, because a per-byte loop over an
/// array would show in the time of a start or of a write.
enum Bytes {
    /// The position of the first byte of `range` that is not zero; nil when all are.
    static func firstNonZero(in bytes: [UInt8], _ range: Range<Int>) -> Int? {
        invariant(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside bytes")
        return unsafe bytes.withUnsafeBytes { raw in
            var at = range.lowerBound
            while at + 8 <= range.upperBound {
                let word = unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                if word != 0 {
                    return at + word.littleEndian.trailingZeroBitCount / 8
                }
                at += 8
            }
            while at < range.upperBound {
                if unsafe raw[at] != 0 { return at }
                at += 1
            }
            return nil
        }
    }

    /// The end of the last byte of `range` that is not zero; `range.lowerBound` when all are.
    static func endOfNonZero(in bytes: [UInt8], _ range: Range<Int>) -> Int {
        invariant(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside bytes")
        return unsafe bytes.withUnsafeBytes { raw in
            var end = range.upperBound
            while end - 8 >= range.lowerBound {
                if unsafe raw.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self) != 0 { break }
                end -= 8
            }
            while end > range.lowerBound, unsafe raw[end - 1] == 0 {
                end -= 1
            }
            return end
        }
    }

    /// The 64-bit little-endian number at `offset`, which must have eight bytes behind it.
    static func loadLittleEndian(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        load(bytes, at: offset)
    }

    /// The little-endian number at `offset`, which must lie whole inside the bytes.
    static func load<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: [UInt8],
        at offset: Int,
        as type: Number.Type = Number.self
    ) -> Number {
        invariant(
            offset >= 0 && offset <= bytes.count - MemoryLayout<Number>.size,
            "number outside bytes"
        )
        return unsafe bytes.withUnsafeBytes { raw in
            Number(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: offset, as: type))
        }
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func append(copying bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// A protobuf varint.
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}

extension Span<UInt8> {
    /// Byte order: of two texts of which one begins the other, the shorter comes first.
    func precedes(_ other: Span<UInt8>) -> Bool {
        let common = Swift.min(count, other.count)
        for position in 0..<common where self[position] != other[position] {
            return self[position] < other[position]
        }
        return count < other.count
    }
}

/// Stops the process when what must always hold does not; kept in release builds.
func invariant(
    _ condition: Bool,
    _ message: @autoclosure () -> String,
    file: StaticString = #file,
    line: UInt = #line
) {
    if !condition { fatalError(message(), file: file, line: line) }
}
