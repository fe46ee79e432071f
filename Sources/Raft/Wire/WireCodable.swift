/// A value in raftpb's encoding: proto2 as etcd's own generated code writes it. Every scalar is
/// written, also a zero, so that equal values have equal bytes on every member.
package protocol WireCodable {
    /// The number of bytes that `encode(into:)` appends.
    var encodedSize: Int { get }

    func encode(into bytes: inout [UInt8])

    /// Unknown fields are skipped; of a repeated scalar the last one counts.
    init(decoding bytes: ArraySlice<UInt8>) throws(WireError)
}

extension WireCodable {
    package init(decoding bytes: [UInt8]) throws(WireError) {
        try self.init(decoding: bytes[...])
    }

    /// The value's bytes in an array of their own.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encodedSize)
        encode(into: &bytes)
        return bytes
    }
}
