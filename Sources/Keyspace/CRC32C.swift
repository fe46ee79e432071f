/// The checksum of `HashKV`: CRC-32 with Castagnoli's polynomial, eight bytes at a time.
package struct CRC32C: Sendable {
    /// Remainders of a byte, and of a byte that one to seven others follow; one after the other.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 {
                remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82F6_3B78 : remainder >> 1
            }
            tables[byte] = remainder
        }
        for entry in 256..<tables.count {
            let shorter = tables[entry - 256]
            tables[entry] = shorter >> 8 ^ tables[Int(shorter & 0xFF)]
        }
        return tables
    }()

    private var state: UInt32 = 0xFFFF_FFFF

    package var value: UInt32 { ~state }

    package init() {}

    package mutating func add(_ bytes: Span<UInt8>) {
        let tables = CRC32C.tables.span
        var crc = state
        var position = 0
        while position + 8 <= bytes.count {
            crc ^=
                UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
                | UInt32(bytes[position + 2]) << 16 | UInt32(bytes[position + 3]) << 24
            let low =
                tables[7 * 256 + Int(crc & 0xFF)] ^ tables[6 * 256 + Int(crc >> 8 & 0xFF)]
                ^ tables[5 * 256 + Int(crc >> 16 & 0xFF)] ^ tables[4 * 256 + Int(crc >> 24)]
            let high =
                tables[3 * 256 + Int(bytes[position + 4])]
                ^ tables[2 * 256 + Int(bytes[position + 5])]
                ^ tables[256 + Int(bytes[position + 6])] ^ tables[Int(bytes[position + 7])]
            crc = low ^ high
            position += 8
        }
        while position < bytes.count {
            crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
            position += 1
        }
        state = crc
    }
}
