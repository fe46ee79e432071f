package import EtcdProto

/// Numbers for requests, unique over members and restarts, as etcd makes them:
///
///     | 2 bytes: low bits of the member id | 5 bytes: Unix ms at start | 1 byte: counter |
///
/// where the low six bytes count up as one number. Every member looks an applied request's id up
/// among those it waits for, so two members must never use the same.
package struct RequestIDs: Sendable {
    private let prefix: UInt64
    private var suffix: UInt64
    private static let suffixMask: UInt64 = 1 << 48 - 1

    package init(member: MemberID, startMilliseconds: UInt64) {
        prefix = member.rawValue << 48
        suffix = startMilliseconds << 8 & RequestIDs.suffixMask
    }

    package mutating func next() -> UInt64 {
        suffix = (suffix + 1) & RequestIDs.suffixMask
        return prefix | suffix
    }
}
