// A report on its way from a process that runs seeds to the one that counts them.
extension Report {
    /// One line: numbers, and after tabs the checker and its text.
    package var line: String {
        let numbers =
            "\(seed) \(digest) \(events) \(virtualMicros) \(operations)"
            + " \(faults.text) \(occasions.text)"
        guard let violation else { return numbers }
        let text = violation.text.split(separator: "\n", omittingEmptySubsequences: false)
        return numbers + "\t" + violation.checker + "\t" + text.joined(separator: "\\n")
    }

    package init?(line: some StringProtocol) {
        let parts = line.split(separator: "\t", maxSplits: 2)
        let words = (parts.first ?? "").split(separator: " ")
        guard words.count == 7, let seed = UInt64(words[0]), let digest = UInt64(words[1]),
            let events = Int(words[2]), let micros = Int(words[3]), let operations = Int(words[4])
        else { return nil }
        var violation: Violation?
        if parts.count > 1 {
            violation = Violation(String(parts[1]), parts.count > 2 ? String(parts[2]) : "")
        }
        self.init(
            seed: seed,
            digest: digest,
            events: events,
            virtualMicros: micros,
            operations: operations,
            faults: FaultCounts(text: words[5]),
            occasions: Counts(text: words[6]),
            violation: violation
        )
    }
}
