package import NIOCore

/// The messages of a stream that wait to be sent, each with its five octets of prefix. The first is
/// kept apart, so that a unary call needs no array.
package struct MessageQueue {
    private var first: ByteBuffer?
    private var rest: CircularBuffer<ByteBuffer>?
    private var prefixSent = 0
    /// Octets that wait, prefixes included.
    package private(set) var bytes = 0

    package init() {}

    package mutating func append(_ message: ByteBuffer) {
        bytes += message.readableBytes + 5
        if first == nil {
            first = message
        } else {
            rest = rest ?? CircularBuffer(initialCapacity: 4)
            rest?.append(message)
        }
    }

    /// Moves exactly `count` octets, which must be there, to the end of a buffer.
    package mutating func write(_ count: Int, to out: inout ByteBuffer) {
        guard count <= bytes else { fatalError("asked for more than is queued") }
        var left = count
        bytes -= count
        while left > 0, var message = first {
            // Let go of the buffer while it is read from, else reading copies it.
            first = nil
            let prefix = min(left, 5 - prefixSent)
            if prefix > 0 {
                writePrefix(prefix, UInt64(message.readableBytes), to: &out)
                left -= prefix
            }
            let body = min(left, message.readableBytes)
            if var slice = message.readSlice(length: body) { out.writeBuffer(&slice) }
            left -= body
            if prefixSent == 5, message.readableBytes == 0 {
                prefixSent = 0
                first = rest?.popFirst()
            } else {
                first = message
            }
        }
    }

    package mutating func removeAll() {
        self = MessageQueue()
    }

    private mutating func writePrefix(_ count: Int, _ length: UInt64, to out: inout ByteBuffer) {
        if count == 5 {
            out.writeInteger(0 as UInt8)
            out.writeInteger(UInt32(truncatingIfNeeded: length))
        } else {
            for offset in prefixSent..<(prefixSent + count) {
                out.writeInteger(UInt8(truncatingIfNeeded: length >> UInt64(8 * (4 - offset))))
            }
        }
        prefixSent += count
    }
}
