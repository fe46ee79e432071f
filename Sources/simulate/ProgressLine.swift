import Foundation
import Glibc

/// A line on the terminal that changes while seeds run; nothing when there is no terminal.
final class ProgressLine {
    private let total: UInt64
    private let isShown: Bool
    private var lastShown = ContinuousClock.now

    init(total: UInt64, isShown: Bool) {
        self.total = total
        self.isShown = isShown && isatty(STDERR_FILENO) == 1
    }

    func show(_ summary: Summary) {
        guard isShown, ContinuousClock.now - lastShown > .milliseconds(200) else { return }
        lastShown = .now
        write("\r\u{1B}[K" + summary.progress(of: total))
    }

    /// A line that stays, on the standard error.
    func tell(_ line: String) {
        clear()
        write(line + "\n")
    }

    func clear() {
        if isShown { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
