import Operator

/// Shows a report on a terminal, with its last lines renewed in place, or as plain lines elsewhere.
struct RunDisplay {
    private var report: RunReport
    private let terminal: Terminal
    /// How many renewed lines are on the screen, above the cursor.
    private var shown = 0

    init(report: RunReport, terminal: Terminal) {
        self.report = report
        self.terminal = terminal
    }

    mutating func show(_ progress: Progress) {
        let lines = report.lines(for: progress)
        guard terminal.isInteractive else {
            for line in lines {
                let target = line.isProblem ? Terminal.standardError : terminal
                target.write(line.text + "\n")
            }
            return
        }
        // One write, so that the screen never shows half of it.
        var text = erasure
        text += lines.map { $0.text + "\n" }.joined()
        shown = 0
        if case .leaving = progress {
            terminal.write(text)
            return
        }
        let width = terminal.width
        for line in report.region {
            text += clipped(line, to: width) + "\n"
            shown += 1
        }
        terminal.write(text)
    }

    /// Moves to the first renewed line and clears from there.
    private var erasure: String {
        shown == 0 ? "" : "\u{1B}[\(shown)A\r\u{1B}[J"
    }

    /// A line that wrapped would take two rows and be erased wrongly. Colours take no columns.
    private func clipped(_ line: String, to width: Int) -> String {
        var columns = 0
        var isEscape = false
        var text = ""
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape {
                columns += 1
                if columns > width { continue }
            }
            text.append(character)
            if isEscape, character == "m" { isEscape = false }
        }
        return text
    }
}
