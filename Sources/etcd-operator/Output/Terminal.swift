import Glibc
import Operator

/// Where output goes, and whether a person watches it.
struct Terminal: Sendable {
    static let standardOutput = Terminal(descriptor: 1)
    static let standardError = Terminal(descriptor: 2)

    enum Colour: Int, Sendable {
        case red = 31
        case green = 32
        case yellow = 33
        case grey = 90
    }

    let descriptor: Int32
    /// The cursor can be moved.
    let isInteractive: Bool
    private let hasColour: Bool

    init(descriptor: Int32) {
        self.descriptor = descriptor
        let isTerminal = isatty(descriptor) == 1
        let kind = environment("TERM")
        isInteractive = isTerminal && kind != nil && kind != "dumb"
        hasColour = isInteractive && environment("NO_COLOR") == nil
    }

    private init(_ descriptor: Int32, isInteractive: Bool, hasColour: Bool) {
        self.descriptor = descriptor
        self.isInteractive = isInteractive
        self.hasColour = hasColour
    }

    /// The same terminal, used line by line.
    var plain: Terminal {
        Terminal(descriptor, isInteractive: false, hasColour: hasColour)
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    func bold(_ text: String) -> String {
        hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text
    }

    /// The number of columns, 80 when there is none.
    var width: Int { screenWidth ?? 80 }

    /// The number of columns that somebody looks at, or asks for with `COLUMNS`; nil for none.
    var columns: Int? {
        let asked = environment("COLUMNS").flatMap { Int($0) }
        return asked.flatMap { $0 > 0 ? $0 : nil } ?? screenWidth
    }

    private var screenWidth: Int? {
        var size = winsize()
        let isKnown = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
        return isKnown && size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    /// Writes all of the text at once. When nobody reads any more there is nobody to tell, so
    /// what cannot be written is dropped; false then, for those who would go on.
    @discardableResult
    func write(_ text: String) -> Bool {
        write(bytes: Array(text.utf8))
    }

    /// The same for a text that need not be one.
    @discardableResult
    func write(bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }
}

extension Terminal {
    /// What stands in the standard input, up to a number of bytes.
    static func standardInput(atMost limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < limit {
            let count = unsafe Glibc.read(0, &chunk, min(chunk.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return bytes
    }
}

extension Terminal {
    /// For a command that waits for the operator.
    static func tellWaiting(_ what: String) {
        standardError.write("waiting: \(what)\n")
    }
}
