import ClusterAPI
import TestKit
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("2026-11-22T10:15:00Z", 1_795_342_500, 0),
            ("2026-11-22T10:15:00.25Z", 1_795_342_500, 250_000_000),
            ("2000-02-29T23:59:59.999999999Z", 951_868_799, 999_999_999),
            ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ] as [(String, Int64, Int32)]
    )
    func `a moment is written as RFC 3339 and read back`(
        text: String,
        seconds: Int64,
        nanoseconds: Int32
    ) {
        let moment = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        #expect(moment.description == text)
        #expect(Timestamp(text) == moment)
    }

    @Test func `an offset names the same moment`() {
        let moment = Timestamp("2026-11-22T10:15:00Z")
        #expect(Timestamp("2026-11-22T11:15:00+01:00") == moment)
        #expect(Timestamp("2026-11-22t04:45:00-05:30") == moment)
    }

    @Test(
        arguments: [
            "", "2026-11-22", "2026-11-22T10:15:00", "2026-11-22 10:15:00Z", "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-22T24:00:00Z",
            "2026-11-22T10:60:00Z", "2026-11-22T10:15:60Z", "2026-11-22T10:15:00.Z",
            "2026-11-22T10:15:00.1234567890Z", "2026-11-22T10:15:00+1:00", "2026-11-22T10:15:00ZZ",
            "26-11-22T10:15:00Z", "-026-11-22T10:15:00Z", "2026-11-22T10:15:00+24:00",
        ]
    )
    func `a text that is no moment is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: Seed.batch(10)) func `every moment survives writing and reading`(seed: Seed) {
        var random = seed.generator()
        for _ in 0..<500 {
            let moment = Timestamp(
                seconds: Int64(random.below(253_402_300_799 + 62_135_596_800)) - 62_135_596_800,
                nanoseconds: random.chance(0.5) ? 0 : Int32(random.below(1_000_000_000))
            )
            #expect(Timestamp(moment.description) == moment, "\(moment)")
        }
    }

    @Test func `adding and subtracting durations carries over seconds`() {
        let moment = Timestamp(seconds: 10, nanoseconds: 900_000_000)
        #expect(moment.advanced(by: .milliseconds(200)).description == "1970-01-01T00:00:11.1Z")
        #expect(moment.advanced(by: .milliseconds(-1000)).seconds == 9)
        #expect(moment.advanced(by: .milliseconds(-950)).description == "1970-01-01T00:00:09.95Z")
        #expect(moment.advanced(by: .milliseconds(-950)).since(moment) == .milliseconds(-950))
        #expect(moment.advanced(by: .seconds(Int64.max)).seconds == .max)
        #expect(moment.advanced(by: .seconds(Int64.min)).seconds == .min + 10)
    }

    @Test func `the last representable moment can be written`() {
        #expect(!Timestamp(seconds: .max).description.isEmpty)
        #expect(!Timestamp(seconds: .min).description.isEmpty)
    }
}
