import ClusterAPI
import Operator

/// The logs of some members as one: by time where the lines say it, each line of several members
/// with the member's name before it.
struct MemberLogs {
    struct Options {
        /// The last lines of each member; nil for all.
        var tail: Int?
        var start: Timestamp?
        var isPrevious = false
    }

    private struct Line {
        let time: Timestamp?
        let bytes: [UInt8]
    }

    private struct Source {
        let member: String
        var file: GrowingFile
        /// Read and not written yet.
        var lines: ArraySlice<Line> = []
        /// Of the last line; one that does not say it belongs to the one before.
        var time: Timestamp?
        /// The last lines are awaited before any is written.
        var tail: Int?
        var hasGap = false

        /// Reads more lines, from the start on that is wanted; false when there are none for now.
        mutating func fill(from start: Timestamp?) throws(OperatorError) -> Bool {
            while lines.isEmpty {
                let new = try file.next()
                if file.hasGap { hasGap = true }
                if new.isEmpty { return false }
                take(new, from: start)
            }
            return true
        }

        mutating func take(_ new: [[UInt8]], from start: Timestamp?) {
            for bytes in new {
                if let own = Timestamp(logLine: bytes) { time = own }
                guard let start else {
                    lines.append(Line(time: time, bytes: bytes))
                    continue
                }
                if let time, time >= start { lines.append(Line(time: time, bytes: bytes)) }
            }
        }

        /// Reads to the end and keeps the last lines.
        mutating func keepTail(_ count: Int, from start: Timestamp?) throws(OperatorError) {
            while true {
                let new = try file.next()
                if new.isEmpty { return }
                take(new, from: start)
                if lines.count > 2 * count + 1000 { lines = ArraySlice(Array(lines.suffix(count))) }
            }
        }
    }

    private let options: Options
    private let prefixes: Bool
    private let output: Terminal
    private var sources: [Source] = []
    private var pending: [UInt8] = []
    private var canWrite = true

    init(_ options: Options, prefixes: Bool, output: Terminal) {
        self.options = options
        self.prefixes = prefixes
        self.output = output
    }

    /// Reads these members too; one that is known goes on, one that is gone ends.
    mutating func read(_ members: [String], of cluster: ClusterDirectory) throws(OperatorError) {
        sources.removeAll { !members.contains($0.member) }
        for member in members where !sources.contains(where: { $0.member == member }) {
            let file = cluster.member(member).followLog(previous: options.isPrevious)
            var source = Source(member: member, file: file)
            if let tail = options.tail {
                try source.keepTail(tail, from: options.start)
                source.lines = source.lines.suffix(tail)
            }
            sources.append(source)
        }
    }

    /// Writes all lines that there are; false when nobody reads them any more.
    mutating func write() throws(OperatorError) -> Bool {
        for index in sources.indices { _ = try sources[index].fill(from: options.start) }
        while canWrite, let index = earliest() {
            put(sources[index].lines.removeFirst().bytes, of: sources[index])
            _ = try sources[index].fill(from: options.start)
        }
        tellGaps()
        flush()
        return canWrite
    }

    /// Writes the beginnings of lines that will not be awaited.
    mutating func writeUnfinished() throws(OperatorError) {
        for index in sources.indices {
            let bytes = try sources[index].file.unfinished()
            if bytes.isEmpty { continue }
            sources[index].take([bytes], from: options.start)
        }
        while let index = earliest() {
            put(sources[index].lines.removeFirst().bytes, of: sources[index])
        }
        flush()
    }

    /// The source whose next line was written first; a line without time comes at once.
    private func earliest() -> Int? {
        var found: (index: Int, time: Timestamp)?
        for (index, source) in sources.enumerated() {
            guard let line = source.lines.first else { continue }
            guard let time = line.time else { return index }
            if time < found?.time ?? Timestamp(seconds: .max) { found = (index, time) }
        }
        return found?.index
    }

    private mutating func put(_ line: [UInt8], of source: Source) {
        if prefixes { pending += output.paint("[\(source.member)]", .grey).utf8 + [0x20] }
        pending += line
        pending.append(UInt8(ascii: "\n"))
        if pending.count > 1 << 16 { flush() }
    }

    private mutating func flush() {
        if canWrite { canWrite = output.write(bytes: pending) }
        pending = []
    }

    private mutating func tellGaps() {
        for index in sources.indices where sources[index].hasGap {
            sources[index].hasGap = false
            flush()
            Terminal.standardError.write(
                "\(sources[index].member): some lines are lost, its log was cut too often\n"
            )
        }
    }
}
