/// The number of a lease. Clients choose any but 0, which stands for "no lease".
package struct LeaseID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    package init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (left: LeaseID, right: LeaseID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// As etcd's tools write it: hexadecimal, at least 16 digits wide.
    package var description: String {
        let digits = String(UInt64(bitPattern: rawValue), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The key of its row in the `lease` bucket.
    var rowKey: [UInt8] { [UInt8](bigEndian: UInt64(bitPattern: rawValue)) }
}
