/// The appends that are on their way to one follower: for each the last index in it and its bytes.
/// A ring that grows as it is used, up to the limit of messages; also limited in bytes.
package struct Inflights: Sendable {
    private struct Flight {
        var last: LogIndex
        var bytes: Int
    }

    private let maxMessages: Int
    private let maxBytes: Int
    private var ring: [Flight] = []
    private var start = 0
    package private(set) var count = 0
    private var bytes = 0

    /// `maxMessages` must be positive.
    package init(maxMessages: Int, maxBytes: Int) {
        invariant(maxMessages > 0 && maxBytes > 0, "a window in which nothing can fly")
        self.maxMessages = maxMessages
        self.maxBytes = maxBytes
    }

    /// No more entries may be sent until some have been acknowledged. The last message may go over
    /// the limit of bytes.
    package var isFull: Bool {
        count == maxMessages || bytes >= maxBytes
    }

    /// Notes a message that ends at `last`, which must not be before that of an earlier one.
    package mutating func add(last: LogIndex, bytes size: Int) {
        invariant(!isFull, "an append is sent through a full window")
        if count == ring.count { grow() }
        let place = start + count
        ring[place < ring.count ? place : place - ring.count] = Flight(last: last, bytes: size)
        count += 1
        bytes += size
    }

    /// The follower has everything up to `index`.
    package mutating func free(upTo index: LogIndex) {
        while count > 0, ring[start].last <= index {
            bytes -= ring[start].bytes
            start = start + 1 == ring.count ? 0 : start + 1
            count -= 1
        }
        if count == 0 { start = 0 }
    }

    package mutating func reset() {
        start = 0
        count = 0
        bytes = 0
    }

    /// Makes room for more, the oldest flight first again.
    private mutating func grow() {
        let size = min(max(4, ring.count * 2), maxMessages)
        var larger = Array(ring[start...] + ring[..<start])
        larger.reserveCapacity(size)
        while larger.count < size { larger.append(Flight(last: .zero, bytes: 0)) }
        ring = larger
        start = 0
    }
}
