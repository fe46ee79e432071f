import GRPC
import NIOCore
import TestKit
import Testing

/// Messages cut into chunks and back.
@Suite struct MessageTests {
    @Test(arguments: Seed.batch(32))
    func `messages survive any cutting on the way`(seed: Seed) throws {
        var random = seed.generator()
        let messages = (0..<20).map { _ in random.bytes(random.below(200)) }
        var queue = MessageQueue()
        for message in messages { queue.append(ByteBuffer(bytes: message)) }
        #expect(queue.bytes == messages.reduce(0) { $0 + $1.count + 5 })
        var reader = MessageReader(limit: 1000)
        var got: [[UInt8]] = []
        while queue.bytes > 0 {
            var chunk = ByteBuffer()
            queue.write(min(queue.bytes, random.below(60) + 1), to: &chunk)
            while let message = try reader.next(&chunk) {
                got.append(Array(message.readableBytesView))
            }
        }
        #expect(got == messages)
        #expect(reader.isAtBoundary)
        #expect(reader.heldBytes == 0)
    }

    @Test func `a message above the limit is refused by its length alone`() {
        var reader = MessageReader(limit: 10)
        var chunk = ByteBuffer(bytes: [0, 0, 0, 0, 11])
        let error = #expect(throws: GRPCStatus.self) { try reader.next(&chunk) }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message == "grpc: received message larger than max (11 vs. 10)")
    }

    @Test func `compressed messages are refused`() {
        var reader = MessageReader(limit: 10)
        reader.encoding = "gzip"
        var chunk = ByteBuffer(bytes: [1, 0, 0, 0, 1, 9])
        let error = #expect(throws: GRPCStatus.self) { try reader.next(&chunk) }
        #expect(error?.code == .unimplemented)
        var plain = MessageReader(limit: 10)
        var again = ByteBuffer(bytes: [1, 0, 0, 0, 1, 9])
        let second = #expect(throws: GRPCStatus.self) { try plain.next(&again) }
        #expect(second?.code == .internalError)
    }

    @Test func `pings are judged as gRPC in Go judges them`() {
        var settings = GRPCKeepalive()
        settings.minTime = .seconds(5)
        let start = NIODeadline.now()
        func verdicts(_ seconds: [Int64], hasCalls: Bool, progressBefore: Int? = nil) -> [Bool] {
            var policy = PingPolicy(settings)
            return seconds.enumerated().map { index, second in
                if index == progressBefore { policy.noteProgress() }
                return policy.accept(at: start + .seconds(second), hasCalls: hasCalls)
            }
        }
        #expect(verdicts([0, 5, 10, 15], hasCalls: true) == [true, true, true, true])
        #expect(verdicts([0, 1, 2, 3], hasCalls: true) == [true, true, true, false])
        #expect(verdicts([0, 10, 20, 30], hasCalls: false) == [true, true, true, false])
        let forgiven = verdicts([0, 1, 2, 3, 4, 5, 6], hasCalls: true, progressBefore: 3)
        #expect(forgiven == [true, true, true, true, true, true, false])
    }

    @Test func `a silent peer is pinged and then given up`() {
        var keepalive = Keepalive(time: .seconds(10), timeout: .seconds(3))
        let start = NIODeadline.now()
        func check(_ lastRead: Int64, _ now: Int64) -> Keepalive.Verdict {
            keepalive.check(lastRead: start + .seconds(lastRead), now: start + .seconds(now))
        }
        #expect(check(4, 10) == .again(.seconds(4)))
        #expect(check(4, 14) == .ping(.seconds(3)))
        #expect(check(15, 17) == .again(.seconds(8)))
        #expect(check(15, 25) == .ping(.seconds(3)))
        #expect(check(15, 28) == .dead)
    }

    @Test func `a bucket allows a burst and then a rate`() {
        let start = NIODeadline.now()
        var bucket = TokenBucket(burst: 3, perSecond: 2, now: start)
        let burst = (0..<4).map { _ in bucket.take(at: start) }
        #expect(burst == [true, true, true, false])
        let later = (0..<3).map { _ in bucket.take(at: start + .seconds(1)) }
        #expect(later == [true, true, false])
    }
}
