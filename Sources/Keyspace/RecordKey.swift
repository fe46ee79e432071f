/// The key of a row in the `key` bucket: a revision, and whether the row is a tombstone.
///
/// Its bytes are etcd's: 8 bytes big-endian `main`, `_`, 8 bytes big-endian `sub`, and `t` after
/// that for a tombstone. So byte order is revision order:
/// ```
/// 5.0   00 00 00 00 00 00 00 05 5f 00 00 00 00 00 00 00 00
/// 5.1t  00 00 00 00 00 00 00 05 5f 00 00 00 00 00 00 00 01 74
/// ```
package struct RecordKey: Comparable, Hashable, Sendable {
    package let revision: Revision
    package let isTombstone: Bool

    package init(_ revision: Revision, isTombstone: Bool = false) {
        self.revision = revision
        self.isTombstone = isTombstone
    }

    package static func < (left: RecordKey, right: RecordKey) -> Bool {
        left.revision == right.revision
            ? !left.isTombstone && right.isTombstone : left.revision < right.revision
    }

    /// The number of bytes of a row's key that is no tombstone.
    package static let size = 17

    private static let separator = UInt8(ascii: "_")
    private static let tombstoneMark = UInt8(ascii: "t")

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(RecordKey.size + 1)
        bytes.appendBigEndian(UInt64(bitPattern: revision.main))
        bytes.append(RecordKey.separator)
        bytes.appendBigEndian(UInt64(bitPattern: revision.sub))
        if isTombstone { bytes.append(RecordKey.tombstoneMark) }
        return bytes
    }

    /// Reads a row's key; nil when the bytes are not one.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count == RecordKey.size || bytes.count == RecordKey.size + 1,
            bytes[8] == RecordKey.separator,
            bytes.count == RecordKey.size || bytes[RecordKey.size] == RecordKey.tombstoneMark
        else { return nil }
        let main = Int64(bitPattern: bytes.bigEndian(at: 0))
        let sub = Int64(bitPattern: bytes.bigEndian(at: 9))
        guard main >= 0, sub >= 0 else { return nil }
        self.init(
            Revision(main: main, sub: sub),
            isTombstone: bytes.count == RecordKey.size + 1
        )
    }
}

extension [UInt8] {
    /// Appends the eight bytes of a number, the highest first.
    mutating func appendBigEndian(_ value: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// The eight bytes of a number, the highest first.
    init(bigEndian value: UInt64) {
        self = []
        reserveCapacity(8)
        appendBigEndian(value)
    }
}

extension Span<UInt8> {
    /// The number whose eight bytes, the highest first, begin at the offset.
    func bigEndian(at offset: Int) -> UInt64 {
        var value: UInt64 = 0
        for position in offset..<offset + 8 { value = value << 8 | UInt64(self[position]) }
        return value
    }
}
