/// The number of a cluster: peers and members refuse messages that name another.
package struct ClusterID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
{
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads hexadecimal digits of either case, without a prefix or a sign.
    package init?(hex: some StringProtocol) {
        guard let value = UInt64(unsignedHex: hex) else { return nil }
        self.init(rawValue: value)
    }

    /// Zero, the id of no cluster.
    package static let none = ClusterID(rawValue: 0)

    /// Lower-case hexadecimal without padding, as etcd writes ids everywhere but in JSON.
    package var description: String { String(rawValue, radix: 16) }

    package static func < (left: ClusterID, right: ClusterID) -> Bool {
        left.rawValue < right.rawValue
    }
}
