/// When something happens again and again, as a cron expression in UTC.
///
///     */15 8-17 * * MON-FRI    every quarter of an hour in working hours
///     30 4 * * 7               Sundays at 4:30
///     0 0 13 * FRI             each 13th, and each Friday
///     @daily                   the same as 0 0 * * *
///
/// The five fields are minute, hour, day of the month, month and day of the week. Each is a list of
/// `*`, a value or a range `a-b`, and every nth of it with `/n` (`a/n` runs from `a` to the end).
/// Months and weekdays have names, 0 and 7 are both Sunday. As in cron, once both fields of days
/// are restricted, either suffices; a field is restricted unless it has a `*` of its own in its
/// list (`*/2` restricts, as for a CronJob of Kubernetes).
package struct Schedule: Hashable, Sendable {
    /// As it was written.
    package let text: String
    private let minutes: UInt64
    private let hours: UInt64
    private let days: UInt64
    private let months: UInt64
    private let weekdays: UInt64
    /// Whether the day of the month, or that of the week, is enough by itself.
    private let isEitherDay: Bool

    package static let expectation =
        "a schedule of five fields such as \"30 4 * * SUN\", or one of "
        + ScheduleField.shorthands.map(\.name).joined(separator: ", ")

    /// Reads a cron expression; the error says which field is wrong, and what it takes.
    package init(parsing text: String) throws(ValueError) {
        var source = text
        if text.hasPrefix("@") {
            let name = text.lowercased()
            guard let known = ScheduleField.shorthands.first(where: { $0.name == name }) else {
                let names = ScheduleField.shorthands.map(\.name)
                let hint = Suggestion.hint(for: text, among: names)
                throw ValueError(expected: Schedule.expectation, hint: hint)
            }
            source = known.meaning
        }
        let parts = source.split { $0 == " " || $0 == "\t" }
        guard parts.count == ScheduleField.all.count else {
            let found = parts.count == 1 ? "there is 1 field" : "there are \(parts.count) fields"
            throw ValueError(expected: Schedule.expectation, hint: "; \(found)")
        }
        var fields: [ScheduleField.Values] = []
        for (index, part) in parts.enumerated() {
            do throws(ScheduleField.Mistake) {
                fields.append(try ScheduleField.all[index].values(part))
            } catch {
                let name = ScheduleField.all[index].name
                let hint = "; field \(index + 1), the \(name): \(error.description)"
                throw ValueError(expected: Schedule.expectation, hint: hint)
            }
        }
        self.text = text
        minutes = fields[0].mask
        hours = fields[1].mask
        days = fields[2].mask
        months = fields[3].mask
        // Bit 7 is Sunday too.
        weekdays = fields[4].mask | fields[4].mask >> 7
        isEitherDay = fields[2].isRestricted && fields[4].isRestricted
    }

    /// Two leap days may be eight years apart; a day that has not come after nine never will.
    private static let horizon: Int64 = 9 * 366

    /// The first time after a moment, a whole minute; nil when there is none, as for February 30.
    package func next(after moment: Timestamp) -> Timestamp? {
        let minute = Int64(floorDividing: moment.seconds, by: 60) + 1
        let today = Int64(floorDividing: minute, by: 1440)
        var earliest = minute - today * 1440
        for day in today...today + Schedule.horizon {
            if runs(on: day), let minute = firstMinute(from: earliest) {
                let (seconds, overflow) = (day * 1440 + minute).multipliedReportingOverflow(by: 60)
                return overflow ? nil : Timestamp(seconds: seconds)
            }
            earliest = 0
        }
        return nil
    }

    private func runs(on day: Int64) -> Bool {
        let date = CivilDate(daysSince1970: day)
        guard months.contains(date.month) else { return false }
        // The first of January 1970 was a Thursday.
        let weekday = day + 4 - Int64(floorDividing: day + 4, by: 7) * 7
        let isDay = days.contains(date.day)
        let isWeekday = weekdays.contains(weekday)
        return isEitherDay ? isDay || isWeekday : isDay && isWeekday
    }

    /// The first of the schedule's minutes of a day that is not before `earliest`.
    private func firstMinute(from earliest: Int64) -> Int64? {
        var minute = earliest % 60
        for hour in earliest / 60..<24 {
            if hours.contains(hour), let found = (minute..<60).first(where: minutes.contains) {
                return hour * 60 + found
            }
            minute = 0
        }
        return nil
    }
}

extension Schedule: CustomStringConvertible {
    package var description: String { text }
}

extension UInt64 {
    fileprivate func contains(_ bit: Int64) -> Bool { self >> UInt64(bit) & 1 == 1 }
}

/// One of a schedule's five fields: what it takes, and the values a text of it means.
struct ScheduleField {
    struct Values {
        /// One bit for each value.
        var mask: UInt64 = 0
        var isRestricted = true
    }

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    let name: String
    let range: ClosedRange<Int>
    /// For values from `range.lowerBound`.
    let words: [String]

    static let all = [
        ScheduleField(name: "minute", range: 0...59, words: []),
        ScheduleField(name: "hour", range: 0...23, words: []),
        ScheduleField(name: "day of the month", range: 1...31, words: []),
        ScheduleField(
            name: "month",
            range: 1...12,
            words: [
                "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
            ]
        ),
        ScheduleField(
            name: "day of the week",
            range: 0...7,
            words: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        ),
    ]

    static let shorthands: [(name: String, meaning: String)] = [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"), ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ]

    func values(_ text: Substring) throws(Mistake) -> Values {
        var values = Values()
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw Mistake(description: "\"\(item)\" has two steps") }
            let step = try parts.count == 2 ? step(parts[1]) : nil
            if parts[0] == "*", step ?? 1 == 1 { values.isRestricted = false }
            let span = try span(parts[0], hasStep: step != nil)
            for value in stride(from: span.lowerBound, through: span.upperBound, by: step ?? 1) {
                values.mask |= 1 << UInt64(value)
            }
        }
        return values
    }

    private func step(_ text: Substring) throws(Mistake) -> Int {
        guard let step = ScheduleField.number(text), step > 0 else {
            throw Mistake(description: "expected a step from 1, found \"\(text)\"")
        }
        return step
    }

    /// `*`, `a` or `a-b`; a single value with a step runs to the end.
    private func span(_ text: Substring, hasStep: Bool) throws(Mistake) -> ClosedRange<Int> {
        if text == "*" { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2 else {
            throw Mistake(description: "expected a range such as 1-5, found \"\(text)\"")
        }
        let first = try value(ends[0])
        let last = try ends.count == 2 ? value(ends[1]) : (hasStep ? range.upperBound : first)
        guard first <= last else {
            throw Mistake(description: "\"\(text)\" runs backwards")
        }
        return first...last
    }

    private func value(_ text: Substring) throws(Mistake) -> Int {
        if let number = ScheduleField.number(text), range.contains(number) { return number }
        if let index = words.firstIndex(of: text.uppercased()) { return range.lowerBound + index }
        let names = words.isEmpty ? "" : ", or \(words[0]) to \(words[words.count - 1])"
        let numbers = "\(range.lowerBound) to \(range.upperBound)"
        throw Mistake(description: "expected \(numbers)\(names), found \"\(text)\"")
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }
}
