import ClusterAPI
import TestKit
import Testing

@Suite struct ScheduleTests {
    @Test(
        arguments: [
            ("* * * * *", "2026-11-22T10:15:00Z", "2026-11-22T10:16:00Z"),
            ("* * * * *", "2026-11-22T10:15:59.999Z", "2026-11-22T10:16:00Z"),
            ("* * * * *", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"),
            ("*/15 8-17 * * MON-FRI", "2026-11-20T17:45:00Z", "2026-11-23T08:00:00Z"),
            ("30 4 * * 7", "2026-11-22T04:29:59Z", "2026-11-22T04:30:00Z"),
            ("30 4 * * sun", "2026-11-22T04:30:00Z", "2026-11-29T04:30:00Z"),
            ("30 4 * * 5-7", "2026-11-22T05:00:00Z", "2026-11-27T04:30:00Z"),
            ("0 0 13 * FRI", "2026-11-14T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("0 0 13 * FRI", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"),
            ("0 0 */2 * 1", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
            ("0 0 */2 * 2", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
            ("0 0 * * */2", "2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z"),
            ("0 0 */1 * 1", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            ("0 0 5,* * 1", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            ("0 0 1-31 * 1", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
            ("0 0 31 * *", "2026-11-22T00:00:00Z", "2026-12-31T00:00:00Z"),
            ("0 0 31 2,4,jun *", "2026-11-22T00:00:00Z", nil),
            ("0 0 30 2 *", "2026-11-22T00:00:00Z", nil),
            ("0 12 29 FEB *", "2096-03-01T00:00:00Z", "2104-02-29T12:00:00Z"),
            ("5/20 0 * * *", "2026-11-22T00:00:00Z", "2026-11-22T00:05:00Z"),
            ("5/20 0 * * *", "2026-11-22T00:45:00Z", "2026-11-23T00:05:00Z"),
            ("10-20/7,50 3 * * *", "2026-11-22T03:17:00Z", "2026-11-22T03:50:00Z"),
            ("0 0 1 1 *", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("  0\t0  1 1 * ", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("0/9999 * * * *", "2026-11-22T10:15:00Z", "2026-11-22T11:00:00Z"),
            ("@hourly", "2026-11-22T10:15:00Z", "2026-11-22T11:00:00Z"),
            ("@daily", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
            ("@Midnight", "2026-11-22T10:15:00Z", "2026-11-23T00:00:00Z"),
            ("@weekly", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"),
            ("@monthly", "2026-11-22T10:15:00Z", "2026-12-01T00:00:00Z"),
            ("@yearly", "2026-11-22T10:15:00Z", "2027-01-01T00:00:00Z"),
            ("@annually", "2026-11-22T10:15:00Z", "2027-01-01T00:00:00Z"),
        ] as [(String, String, String?)]
    )
    func `the next time comes after a moment, never at it`(
        text: String,
        moment: String,
        next: String?
    ) throws {
        let schedule = try Schedule(parsing: text)
        #expect(schedule.description == text)
        let start = try #require(Timestamp(moment))
        #expect(schedule.next(after: start)?.description == next)
    }

    @Test(
        arguments: [
            ("", "; there are 0 fields"), ("5", "; there is 1 field"),
            ("* * * *", "; there are 4 fields"), ("* * * * * *", "; there are 6 fields"),
            ("60 * * * *", "; field 1, the minute: expected 0 to 59, found \"60\""),
            ("* 24 * * *", "; field 2, the hour: expected 0 to 23, found \"24\""),
            ("* * 0 * *", "; field 3, the day of the month: expected 1 to 31, found \"0\""),
            (
                "* * * 13 *",
                "; field 4, the month: expected 1 to 12, or JAN to DEC, found \"13\""
            ),
            (
                "* * * * 8",
                "; field 5, the day of the week: expected 0 to 7, or SUN to SAT, found \"8\""
            ),
            ("MON * * * *", "; field 1, the minute: expected 0 to 59, found \"MON\""),
            (
                "* * * * MONDAY",
                "; field 5, the day of the week: expected 0 to 7, or SUN to SAT, found \"MONDAY\""
            ),
            ("5-1 * * * *", "; field 1, the minute: \"5-1\" runs backwards"),
            ("* * * * SAT-SUN", "; field 5, the day of the week: \"SAT-SUN\" runs backwards"),
            (
                "1-2-3 * * * *",
                "; field 1, the minute: expected a range such as 1-5, found \"1-2-3\""
            ),
            ("*/0 * * * *", "; field 1, the minute: expected a step from 1, found \"0\""),
            ("*/x * * * *", "; field 1, the minute: expected a step from 1, found \"x\""),
            ("*/99999 * * * *", "; field 1, the minute: expected a step from 1, found \"99999\""),
            ("1/2/3 * * * *", "; field 1, the minute: \"1/2/3\" has two steps"),
            ("1, * * * *", "; field 1, the minute: expected 0 to 59, found \"\""),
            ("-1 * * * *", "; field 1, the minute: expected 0 to 59, found \"\""),
            ("+1 * * * *", "; field 1, the minute: expected 0 to 59, found \"+1\""),
            ("* ? * * *", "; field 2, the hour: expected 0 to 23, found \"?\""),
            ("@dayly", "; did you mean \"@daily\"?"), ("@reboot", ""), ("@every 1h", ""),
        ]
    )
    func `a text that is no schedule is refused with the field that is wrong`(
        text: String,
        hint: String
    ) throws {
        let error = #expect(throws: ValueError.self) { try Schedule(parsing: text) }
        #expect(error?.expected == Schedule.expectation)
        #expect(error?.hint == hint)
    }

    @Test func `the ends of time have no next minute, and are no trouble`() throws {
        let always = try Schedule(parsing: "* * * * *")
        #expect(always.next(after: Timestamp(seconds: .max)) == nil)
        #expect(always.next(after: Timestamp(seconds: .min)) != nil)
        #expect(try Schedule(parsing: "@yearly").next(after: Timestamp(seconds: .max - 60)) == nil)
    }

    /// The model knows what a field was made from and looks at one minute after the other, with a
    /// calendar that only ever adds a day.
    @Test(arguments: Seed.batch(20)) func `a naive clock finds the same next time`(seed: Seed)
        throws
    {
        var random = seed.generator()
        var found = 0
        for _ in 0..<40 {
            let model = NaiveSchedule(&random)
            let schedule = try Schedule(parsing: model.text)
            let start = NaiveClock.start + Int64(random.below(4 * 365 * 86_400))
            let expected = model.next(after: start, days: 45)
            let actual = schedule.next(after: Timestamp(seconds: start))
            if let expected {
                found += 1
                #expect(actual == Timestamp(seconds: expected), "\(model.text) after \(start)")
            } else if let actual {
                #expect(actual.seconds > start + 44 * 86_400, "\(model.text) after \(start)")
            }
        }
        #expect(found > 0)
    }

    @Test(arguments: Seed.batch(10)) func `random texts are judged without a crash`(seed: Seed) {
        var random = seed.generator()
        let pieces = ["*", "/", "-", ",", " ", "@", "0", "7", "59", "FEB", "sun", "é", "\t", "99"]
        for _ in 0..<2000 {
            let text = (0..<random.below(20)).map { _ in random.pick(pieces) }.joined()
            if let schedule = try? Schedule(parsing: text) {
                #expect(schedule.text == text)
                _ = schedule.next(after: Timestamp(seconds: Int64(random.below(4_000_000_000))))
            }
        }
    }
}

/// A random schedule that remembers what it was made from.
private struct NaiveSchedule {
    struct Field {
        var texts: [String] = []
        var tests: [@Sendable (Int) -> Bool] = []
        var isOpen = false

        func contains(_ value: Int) -> Bool { tests.contains { $0(value) } }
    }

    private let fields: [Field]

    var text: String { fields.map { $0.texts.joined(separator: ",") }.joined(separator: " ") }

    init(_ random: inout Generator) {
        let ranges = [0...59, 0...23, 1...31, 1...12, 0...7]
        fields = ranges.map { NaiveSchedule.field(in: $0, &random) }
    }

    private static func field(in range: ClosedRange<Int>, _ random: inout Generator) -> Field {
        var field = Field()
        for _ in 0..<1 + random.below(3) {
            let first = range.lowerBound + random.below(range.count)
            let last = first + random.below(range.upperBound - first + 1)
            let step = 1 + random.below(9)
            switch random.below(6) {
            case 0:
                field.texts.append("*")
                field.tests.append { _ in true }
                field.isOpen = true
            case 1:
                field.texts.append("*/\(step)")
                field.tests.append { ($0 - range.lowerBound) % step == 0 }
                if step == 1 { field.isOpen = true }
            case 2:
                field.texts.append("\(first)")
                field.tests.append { $0 == first }
            case 3:
                field.texts.append("\(first)/\(step)")
                field.tests.append { $0 >= first && ($0 - first) % step == 0 }
            case 4:
                field.texts.append("\(first)-\(last)")
                field.tests.append { $0 >= first && $0 <= last }
            default:
                field.texts.append("\(first)-\(last)/\(step)")
                field.tests.append { $0 >= first && $0 <= last && ($0 - first) % step == 0 }
            }
        }
        return field
    }

    func next(after start: Int64, days: Int) -> Int64? {
        var clock = NaiveClock()
        while clock.seconds + 86_400 <= start { clock.addDay() }
        for _ in 0...days {
            if matchesDay(clock) {
                for minute in 0..<1440 where clock.seconds + Int64(minute) * 60 > start {
                    if fields[1].contains(minute / 60), fields[0].contains(minute % 60) {
                        return clock.seconds + Int64(minute) * 60
                    }
                }
            }
            clock.addDay()
        }
        return nil
    }

    private func matchesDay(_ clock: NaiveClock) -> Bool {
        guard fields[3].contains(clock.month) else { return false }
        let isDay = fields[2].contains(clock.day)
        let isWeekday =
            fields[4].contains(clock.weekday)
            || (clock.weekday == 0 && fields[4].contains(7))
        if fields[2].isOpen || fields[4].isOpen { return isDay && isWeekday }
        return isDay || isWeekday
    }
}

/// The midnights since the first of January 2023, which was a Sunday.
private struct NaiveClock {
    static let start: Int64 = 1_672_531_200

    private(set) var seconds = NaiveClock.start
    private(set) var year = 2023
    private(set) var month = 1
    private(set) var day = 1
    private(set) var weekday = 0

    mutating func addDay() {
        seconds += 86_400
        weekday = (weekday + 1) % 7
        day += 1
        let february = year % 4 == 0 ? 29 : 28
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day > lengths[month - 1] else { return }
        day = 1
        month += 1
        guard month > 12 else { return }
        month = 1
        year += 1
    }
}
