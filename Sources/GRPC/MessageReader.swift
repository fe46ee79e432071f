package import NIOCore

/// Cuts a stream's data into messages. Each is preceded by five octets:
///
/// ```
/// 00          0 plain, 1 compressed
/// 00 00 01 2c length, big-endian
/// ```
/// A message that lies whole within one chunk is handed out without copying; memory for others
/// grows with what has arrived, not with what the length promises.
package struct MessageReader {
    private let limit: Int
    private var prefix: UInt64 = 0
    private var prefixCount = 0
    private var partial = ByteBuffer()
    /// What the peer said in `grpc-encoding`, for the message about a compressed one.
    package var encoding: String?

    package init(limit: Int) { self.limit = limit }

    /// Octets kept of a message that is not whole yet.
    package var heldBytes: Int { partial.readableBytes }

    /// True between two messages: the place where a stream may end.
    package var isAtBoundary: Bool { prefixCount == 0 }

    /// Takes octets from the chunk up to the end of a message. Nil: all were taken and more are
    /// needed. Throws ResourceExhausted for a message above the limit, Unimplemented or Internal
    /// for a compressed one; the stream cannot be read on after that.
    package mutating func next(_ chunk: inout ByteBuffer) throws(GRPCStatus) -> ByteBuffer? {
        while prefixCount < 5 {
            guard let octet = chunk.readInteger(as: UInt8.self) else { return nil }
            prefix = prefix << 8 | UInt64(octet)
            prefixCount += 1
            if prefixCount == 5 { try checkPrefix() }
        }
        let missing = Int(prefix & 0xffff_ffff) - partial.readableBytes
        guard chunk.readableBytes >= missing else {
            partial.writeBuffer(&chunk)
            return nil
        }
        prefixCount = 0
        prefix = 0
        guard partial.readableBytes > 0 else { return slice(&chunk, missing) }
        if var rest = chunk.readSlice(length: missing) { partial.writeBuffer(&rest) }
        let whole = partial
        partial = ByteBuffer()
        return whole
    }

    /// A part of the chunk; in memory of its own if it is small beside what it would keep alive.
    private func slice(_ chunk: inout ByteBuffer, _ length: Int) -> ByteBuffer? {
        guard let part = chunk.readSlice(length: length) else { return nil }
        return length * 16 < part.storageCapacity ? ByteBuffer(bytes: part.readableBytesView) : part
    }

    private func checkPrefix() throws(GRPCStatus) {
        let flag = prefix >> 32
        let length = Int(prefix & 0xffff_ffff)
        if flag == 1 {
            if let encoding, encoding != "identity" {
                let text = "grpc: Decompressor is not installed for grpc-encoding \"\(encoding)\""
                throw GRPCStatus(.unimplemented, text)
            }
            let text = "grpc: compressed flag set with identity or empty encoding"
            throw GRPCStatus(.internalError, text)
        }
        if flag != 0 {
            throw GRPCStatus(.internalError, "grpc: received unexpected payload format \(flag)")
        }
        if length > limit {
            let text = "grpc: received message larger than max (\(length) vs. \(limit))"
            throw GRPCStatus(.resourceExhausted, text)
        }
    }
}
