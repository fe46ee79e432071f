import Raft

/// The name of a segment file, `<sequence>-<first index>.wal`, both in 16 hexadecimal digits. The
/// index is that of the first entry the segment was made for.
struct SegmentName: Hashable, CustomStringConvertible {
    let sequence: UInt64
    let firstIndex: LogIndex

    init(sequence: UInt64, firstIndex: LogIndex) {
        self.sequence = sequence
        self.firstIndex = firstIndex
    }

    /// nil when it is not the name of a segment.
    init?(_ name: String) {
        guard name.hasSuffix(".wal") else { return nil }
        let parts = name.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 16 }),
            let sequence = UInt64(parts[0], radix: 16), let index = UInt64(parts[1], radix: 16)
        else { return nil }
        self.init(sequence: sequence, firstIndex: LogIndex(rawValue: index))
        guard description == name else { return nil }
    }

    var description: String {
        "\(Self.padded(sequence))-\(Self.padded(firstIndex.rawValue)).wal"
    }

    private static func padded(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
