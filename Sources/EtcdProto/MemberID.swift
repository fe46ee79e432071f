/// The number a member keeps for life: it names the member in Raft, in the API and in URLs.
package struct MemberID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads hexadecimal digits of either case, without a prefix or a sign.
    package init?(hex: some StringProtocol) {
        guard let value = UInt64(unsignedHex: hex) else { return nil }
        self.init(rawValue: value)
    }

    /// Zero, the id of no member.
    package static let none = MemberID(rawValue: 0)

    /// Lower-case hexadecimal without padding, as etcd writes ids everywhere but in JSON.
    package var description: String { String(rawValue, radix: 16) }

    package static func < (left: MemberID, right: MemberID) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension UInt64 {
    /// `UInt64.init(_:radix:)` without the sign it would take.
    init?(unsignedHex digits: some StringProtocol) {
        guard digits.utf8.first != UInt8(ascii: "+"), digits.utf8.first != UInt8(ascii: "-") else {
            return nil
        }
        self.init(digits, radix: 16)
    }
}
