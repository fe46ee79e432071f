import ClusterAPI
import TestKit
import Testing

@Suite struct ValueTests {
    @Test(
        arguments: [
            ("0", 0, "0"), ("1", 1, "1"), ("1000", 1000, "1k"), ("1024", 1024, "1Ki"),
            ("8Gi", 8 << 30, "8Gi"), ("1.5Mi", 1_572_864, "1.5Mi"), ("1536Ki", 1_572_864, "1.5Mi"),
            ("500M", 500_000_000, "500M"), ("1e9", 1_000_000_000, "1G"), ("2E3", 2000, "2k"),
            ("0.5Ki", 512, "512"), ("1.25k", 1250, "1250"), ("+3", 3, "3"), ("-2Ki", -2048, "-2Ki"),
            ("7Ei", 7 << 60, "7Ei"), ("9223372036854775807", Int64.max, "9223372036854775807"),
            ("1.5e3", 1500, "1.5k"), ("15e-1k", nil, ""), ("100000E-5", 1, "1"),
        ] as [(String, Int64?, String)]
    )
    func `a quantity is read exactly and written shortly`(
        text: String,
        bytes: Int64?,
        written: String
    ) throws {
        guard let bytes else {
            #expect(throws: ValueError.self) { try Quantity(parsing: text) }
            return
        }
        let quantity = try Quantity(parsing: text)
        #expect(quantity.bytes == bytes)
        #expect(quantity.description == written)
        #expect(try Quantity(parsing: quantity.description) == quantity)
    }

    @Test(
        arguments: [
            "", " ", "8 Gi", "8gi", "Gi", "1.2.3", "8GiB", "8Ei", "9223372036854775808", "0.1",
            "1.0000001Ki", "1m", "--1", "e9", "1e", "1e999", "1e20", ".", "1.", "١", "1_000",
            "1234567890123456789012",
        ]
    )
    func `a text that is no whole number of bytes is refused`(text: String) {
        #expect(throws: ValueError.self) { try Quantity(parsing: text) }
    }

    @Test(arguments: Seed.batch(20)) func `every quantity survives writing and reading`(seed: Seed)
        throws
    {
        var random = seed.generator()
        for _ in 0..<500 {
            let bytes = Int64(truncatingIfNeeded: random.next() >> UInt64(1 + random.below(60)))
            let quantity = Quantity(bytes: random.chance(0.1) ? -bytes : bytes)
            #expect(try Quantity(parsing: quantity.description) == quantity)
        }
    }

    @Test func `a size is rounded down for people`() {
        #expect(Quantity(bytes: 900).rounded == "900 B")
        #expect(Quantity(bytes: 24_576).rounded == "24.0 KiB")
        #expect(Quantity(bytes: 1_572_864).rounded == "1.5 MiB")
        #expect(Quantity(bytes: (1 << 30) - 1).rounded == "1023.9 MiB")
        #expect(Quantity(bytes: .max).rounded == "7.9 EiB")
        #expect(Quantity(bytes: .min).rounded == "-8.0 EiB")
    }

    @Test(
        arguments: [
            ("100ms", .milliseconds(100), "100ms"), ("1h30m", .seconds(5400), "1h30m"),
            ("90m", .seconds(5400), "1h30m"), ("7d", .seconds(604_800), "7d"), ("0", .zero, "0s"),
            ("0s", .zero, "0s"), ("1.5s", .milliseconds(1500), "1s500ms"),
            ("1m1ms", .milliseconds(60_001), "1m1ms"), ("2us5ns", .nanoseconds(2005), "2us5ns"),
            ("0.5d", .seconds(43_200), "12h"),
        ] as [(String, Duration, String)]
    )
    func `a duration is read exactly and written in units`(
        text: String,
        duration: Duration,
        written: String
    ) throws {
        let read = try Duration(parsing: text)
        #expect(read == duration)
        #expect(read.text == written)
        #expect(try Duration(parsing: read.text) == read)
    }

    @Test(
        arguments: [
            "", "5", "s", "-1s", "+1s", "1 s", "1s ", "1m1h", "1s1s", "1y", "1.5ns", "1..5s",
            "300000d", "1h30", "ms", "99999999999999999999s", "1M",
        ]
    )
    func `a text that is no duration is refused`(text: String) {
        #expect(throws: ValueError.self) { try Duration(parsing: text) }
    }

    @Test func `milliseconds never overflow`() {
        #expect(Duration.milliseconds(1999).milliseconds == 1999)
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.seconds(Int64.min).milliseconds == .min)
    }

    @Test func `a suggestion is near, and not too near to everything`() {
        let fields = ["replicas", "engine", "storage", "paused"]
        #expect(Suggestion.nearest(to: "replica", among: fields) == "replicas")
        #expect(Suggestion.nearest(to: "REPLICAS", among: fields) == "replicas")
        #expect(Suggestion.nearest(to: "enigne", among: fields) == "engine")
        #expect(Suggestion.nearest(to: "pasued", among: fields) == "paused")
        #expect(Suggestion.nearest(to: "x", among: fields) == nil)
        #expect(Suggestion.nearest(to: "", among: fields) == nil)
        #expect(Suggestion.nearest(to: "backup", among: fields) == nil)
        let long = String(repeating: "a", count: 100_000)
        #expect(Suggestion.nearest(to: long, among: fields) == nil)
    }
}
