import GRPC
import NIOCore
import TestKit
import Testing

/// The small values of gRPC's wire format.
@Suite struct ValueTests {
    @Test(arguments: [
        ("", ""), ("plain text", "plain text"), ("100%", "100%25"), ("ü\n", "%C3%BC%0A"),
        ("etcdserver: mvcc: required revision", "etcdserver: mvcc: required revision"),
    ])
    func `status messages are percent-encoded and decoded`(text: String, wire: String) {
        #expect(PercentEncoding.encode(text) == wire)
        #expect(PercentEncoding.decode(wire) == text)
    }

    @Test func `percent signs that escape nothing stay as they are`() {
        #expect(PercentEncoding.decode("5% of 10%zz %4") == "5% of 10%zz %4")
    }

    @Test(arguments: Seed.batch(16)) func `Base64 comes back as it was`(seed: Seed) {
        var random = seed.generator()
        let bytes = random.bytes(random.below(40))
        let text = Base64.encode(bytes)
        #expect(Base64.decode(text) == bytes)
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        #expect(Base64.decode(text + padding) == bytes)
    }

    @Test(arguments: ["A", "AB=C", "AAAA=", "A===", "A-_A", "ä"])
    func `what is no Base64 is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `metadata are found without regard to case and in order`() {
        var metadata: Metadata = ["hasLeader": "true"]
        metadata.add("X-Trace", "1")
        metadata.add("x-trace", "2")
        metadata.add("X-Key-bin", binary: [0, 255, 7])
        #expect(metadata["HASLEADER"] == "true")
        #expect(metadata.values("x-trace") == ["1", "2"])
        #expect(metadata.binary("x-key-bin") == [0, 255, 7])
        #expect(metadata["x-other"] == nil)
        #expect(metadata.map(\.name) == ["hasleader", "x-trace", "x-trace", "x-key-bin"])
    }

    @Test(
        arguments: [
            ("1n", 1), ("250u", 250_000), ("5000m", 5_000_000_000), ("10S", 10_000_000_000),
            ("2M", 120_000_000_000), ("1H", 3_600_000_000_000),
            ("99999999H", 365 * 86400 * 1_000_000_000),
        ] as [(String, Int64)]
    )
    func `timeouts are read in every unit`(text: String, nanoseconds: Int64) {
        #expect(parse(text) == .nanoseconds(nanoseconds))
    }

    @Test(arguments: ["", "S", "123456789n", "-1S", "1.5S", "5", "5x"])
    func `what is no timeout is refused`(text: String) {
        #expect(parse(text) == nil)
    }

    @Test(arguments: [1, 999, 123_456_789, 5_000_000_000, 9_999_999_999_999] as [Int64])
    func `a timeout is never written shorter than it is`(nanoseconds: Int64) throws {
        let text = GRPCTimeout.format(.nanoseconds(nanoseconds))
        let read = try #require(parse(text)?.nanoseconds)
        #expect(read >= nanoseconds)
        #expect(Double(read) <= Double(nanoseconds) * 1.001 + 1)
    }

    private func parse(_ text: String) -> TimeAmount? {
        let octets = Array(text.utf8)
        return unsafe GRPCTimeout.parse(octets.span.bytes)
    }
}
