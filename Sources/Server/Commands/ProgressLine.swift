import NIOCore

/// How far a long work is, on one line of the terminal; nothing where nobody looks.
final class ProgressLine {
    private let verb: String
    private let total: Int64
    private let isShown = StandardStream.error.isTerminal
    private var next = NIODeadline.now() + .milliseconds(300)
    private var hasWritten = false

    init(_ verb: String, of total: Int64) {
        self.verb = verb
        self.total = total
    }

    func reached(_ bytes: Int64) {
        let now = NIODeadline.now()
        guard isShown, now >= next else { return }
        next = now + .milliseconds(200)
        hasWritten = true
        let text = "\(ByteText.readable(bytes)) of \(ByteText.readable(total))"
        StandardStream.error.write("\r\(verb): \(text)   ")
    }

    /// Leaves the line to what follows.
    func end() {
        if hasWritten { StandardStream.error.write("\r\u{1B}[K") }
    }
}
