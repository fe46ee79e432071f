import Chance
import Simulator

/// A violation, the smallest run in which it was found again, and the end of that run's story.
struct Find {
    let report: Report
    let violation: Violation
    let overrides: Overrides
    private let original: Overrides
    private let story: [String]
    private static let linesMax = 60

    init(_ report: Report, _ original: Overrides, shrinks: Bool) {
        self.report = report
        self.original = original
        let found = report.violation ?? Violation("", "")
        guard shrinks else {
            violation = found
            overrides = original
            story = []
            return
        }
        var shrinker = Shrinker(found, runs: 80) { overrides in
            Crew.runAlone(report.seed, overrides).report?.violation
        }
        overrides = shrinker.shrink(Seed(report.seed), original)
        let last = Crew.runAlone(report.seed, overrides, tellsStory: true)
        violation = last.report?.violation ?? found
        story = last.story
    }

    /// The command that shows it again.
    var command: String {
        let words = ["swift run -c release simulate --seed \(report.seed)"] + overrides.arguments
        return words.joined(separator: " ")
    }

    var text: String {
        var lines = [
            "", "VIOLATION in seed \(report.seed): \(report.violation ?? violation)", "",
            "\(original.applied(to: Seed(report.seed)))", "",
        ]
        if overrides != original {
            lines.append("smaller: " + overrides.arguments.joined(separator: " "))
            lines.append("         \(violation)")
            lines.append("")
        }
        if story.count > Self.linesMax {
            lines.append("(\(story.count - Self.linesMax) lines before these are left out)")
        }
        lines += story.suffix(Self.linesMax)
        lines += ["", "replay: \(command)", "        add --trace for all that happens", ""]
        return lines.joined(separator: "\n")
    }
}
