/// The Castagnoli checksum as etcd rolls it over its log: the state after some bytes is their
/// checksum, and feeding more bytes continues it.
///
/// Sixteen bytes at a time by table look-up ("slicing"), since the processor's own instruction
/// cannot be reached without C.
package struct CRC32C: Hashable, Sendable {
    /// The checksum of everything fed so far; 0 of nothing.
    package private(set) var value: UInt32

    package init(_ value: UInt32 = 0) {
        self.value = value
    }

    package mutating func update(_ bytes: [UInt8]) {
        update(bytes, 0..<bytes.count)
    }

    package mutating func update(_ bytes: [UInt8], _ range: Range<Int>) {
        invariant(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside bytes")
        let start = value
        value = unsafe bytes.withUnsafeBytes { raw in
            unsafe Self.roll(start, UnsafeRawBufferPointer(rebasing: raw[range]))
        }
    }

    /// Table `k` holds, at `k * 256 + byte`, the checksum of `byte` followed by `k` zero bytes.
    private static let tables: [UInt32] = {
        let polynomial: UInt32 = 0x82F6_3B78
        var tables: [UInt32] = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { rest, _ in
                rest & 1 == 1 ? (rest >> 1) ^ polynomial : rest >> 1
            }
        }
        for index in 256..<(16 * 256) {
            let before = tables[index - 256]
            tables.append((before >> 8) ^ tables[Int(before & 0xFF)])
        }
        return tables
    }()

    private static func roll(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        unsafe tables.withUnsafeBufferPointer { table in
            var crc = ~start
            var at = 0
            let count = bytes.count
            while at + 16 <= count {
                let low = unsafe word(bytes, at) ^ UInt64(crc)
                let high = unsafe word(bytes, at + 8)
                crc = unsafe eight(table, low, 8) ^ eight(table, high, 0)
                at += 16
            }
            while at < count {
                let byte = unsafe UInt8(truncatingIfNeeded: crc) ^ bytes[at]
                crc = unsafe (crc >> 8) ^ table[Int(byte)]
                at += 1
            }
            return ~crc
        }
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    /// The part of eight bytes that have `behind` more bytes of the sixteen behind them.
    @inline(__always)
    private static func eight(
        _ table: UnsafeBufferPointer<UInt32>,
        _ word: UInt64,
        _ behind: Int
    ) -> UInt32 {
        let base = behind * 256
        return unsafe table[base + 7 * 256 + Int(word & 0xFF)]
            ^ table[base + 6 * 256 + Int((word >> 8) & 0xFF)]
            ^ table[base + 5 * 256 + Int((word >> 16) & 0xFF)]
            ^ table[base + 4 * 256 + Int((word >> 24) & 0xFF)]
            ^ table[base + 3 * 256 + Int((word >> 32) & 0xFF)]
            ^ table[base + 2 * 256 + Int((word >> 40) & 0xFF)]
            ^ table[base + 1 * 256 + Int((word >> 48) & 0xFF)]
            ^ table[base + Int(word >> 56)]
    }
}
