package import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A test told as a conversation, in the format of cockroachdb/datadriven: comment lines, a command
/// with arguments and perhaps input lines, `----`, the expected output, a blank line. Output that
/// holds blank lines stands between doubled `----`.
///
///     # Two of three decide.
///     committed cfg=(1,2,3) idx=(12,5,_)
///     ----
///     5
///
/// `UPDATE_TESTDATA=1` writes what the code says into the file instead of comparing; review the
/// diff then.
package struct Script: Sendable, CustomTestStringConvertible {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package var testDescription: String {
        path.split(separator: "/").suffix(2).joined(separator: "/")
    }

    /// The scripts (`*.txt`) of a folder in order of name: an absolute path, or one below the
    /// `Testdata` beside the calling file. An absent folder holds none, but if it should lie beside
    /// the file, what is returned is a script that fails.
    package static func all(in folder: String, file: String = #filePath) -> [Script] {
        let directory =
            folder.hasPrefix("/")
            ? folder
            : file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/") + "/Testdata/" + folder
        let names = fileNames(in: directory).filter { $0.hasSuffix(".txt") }.sorted()
        let isMissing = names.isEmpty && !folder.hasPrefix("/")
        return (isMissing ? ["none.txt"] : names).map { Script(path: directory + "/" + $0) }
    }

    /// Answers each command with `handle` and compares the answer with the script, where `ok` and
    /// nothing mean the same. All differences of the file are reported.
    package func run(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ handle: (Command) throws -> String
    ) throws {
        var answers: [Int: String] = [:]
        for exchange in try exchanges() {
            let command = exchange.command
            let answer = try handle(command)
            answers[command.line] = answer
            if !exchange.expects(answer), environment("UPDATE_TESTDATA") == nil {
                let text = difference(exchange, got: Self.lines(of: answer))
                Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
            }
        }
        if environment("UPDATE_TESTDATA") != nil { try rewrite(answers) }
    }

    /// The commands of the file and what they are expected to answer.
    package func exchanges() throws -> [Exchange] {
        try parse().compactMap { piece in
            guard case .exchange(let command, _, let expected) = piece else { return nil }
            return Exchange(command: command, expected: expected)
        }
    }

    /// Writes other answers into the file, each to the command on that line; the rest stays.
    package func rewrite(_ answers: [Int: String]) throws {
        var lines: [String] = []
        for piece in try parse() {
            switch piece {
            case .prose(let prose): lines += prose
            case .exchange(let command, let source, let expected):
                let answer = answers[command.line].map(Self.lines) ?? expected
                lines += source + Self.fenced(answer)
            }
        }
        try write(lines.joined(separator: "\n") + "\n")
    }

    private func difference(_ exchange: Exchange, got: [String]) -> String {
        """
        \(path):\(exchange.command.line): \(exchange.command.name)
        expected:
        \(exchange.expected.joined(separator: "\n"))
        got:
        \(got.joined(separator: "\n"))
        """
    }

    fileprivate static func normalized(_ lines: [String]) -> [String] {
        var lines = lines.map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
        while lines.last == "" { lines.removeLast() }
        return lines == ["ok"] ? [] : lines
    }

    fileprivate static func lines(of text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    private static func fenced(_ answer: [String]) -> [String] {
        if answer.contains("") {
            return ["----", "----"] + answer + ["----", "----", ""]
        }
        return ["----"] + answer + [""]
    }
}

extension Script {
    /// A script that is not in the format, or a command or argument that its runner does not know.
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    /// A command and its answer as the file has it.
    package struct Exchange: Sendable {
        package let command: Command
        package let expected: [String]

        /// Whether this is the answer, but for blanks at the ends.
        package func expects(_ answer: String) -> Bool {
            Script.normalized(Script.lines(of: answer)) == Script.normalized(expected)
        }
    }

    /// One request of a script.
    package struct Command: Sendable {
        package let name: String
        package let arguments: [Argument]
        /// The lines between the command and `----`.
        package let input: [String]
        /// Where the command stands in its file, from 1.
        package let line: Int

        /// Whether the argument is there, with or without values.
        package func has(_ key: String) -> Bool {
            arguments.contains { $0.key == key }
        }

        /// All values of an argument; empty when it is absent.
        package func values(_ key: String) -> [String] {
            arguments.filter { $0.key == key }.flatMap(\.values)
        }

        /// The first value of an argument.
        package func value(_ key: String) -> String? {
            values(key).first
        }
    }

    /// `key`, `key=value` or `key=(value, value)`.
    package struct Argument: Sendable {
        package let key: String
        package let values: [String]
    }
}

extension Script {
    private enum Piece {
        case prose([String])
        case exchange(Command, source: [String], expected: [String])
    }

    private func parse() throws -> [Piece] {
        let lines = Self.lines(of: try read())
        var pieces: [Piece] = []
        var at = 0
        while at < lines.count {
            if lines[at].isEmpty || lines[at].hasPrefix("#") {
                pieces.append(.prose([lines[at]]))
                at += 1
                continue
            }
            let start = at
            while at < lines.count, lines[at] != "----" { at += 1 }
            guard at < lines.count else {
                throw Malformed("\(path):\(start + 1): a command without ----")
            }
            let command = try command(Array(lines[start..<at]), line: start + 1)
            at += 1
            let expected = output(lines, &at)
            pieces.append(
                .exchange(
                    command,
                    source: Array(lines[start..<start + 1 + command.input.count]),
                    expected: expected
                )
            )
        }
        return pieces
    }

    /// Reads the expected output that starts at `at` and leaves `at` behind it and its blank line.
    private func output(_ lines: [String], _ at: inout Int) -> [String] {
        var output: [String] = []
        if at < lines.count, lines[at] == "----" {
            at += 1
            while at < lines.count,
                !(lines[at] == "----" && at + 1 < lines.count && lines[at + 1] == "----")
            {
                output.append(lines[at])
                at += 1
            }
            at = min(at + 2, lines.count)
        } else {
            while at < lines.count, !lines[at].isEmpty {
                output.append(lines[at])
                at += 1
            }
        }
        if at < lines.count, lines[at].isEmpty { at += 1 }
        return output
    }

    private func command(_ lines: [String], line: Int) throws -> Command {
        var words = try Self.words(lines[0], at: "\(path):\(line)")
        guard !words.isEmpty else { throw Malformed("\(path):\(line): an empty command") }
        let name = words.removeFirst()
        return Command(
            name: name,
            arguments: words.map(Self.argument),
            input: Array(lines.dropFirst()),
            line: line
        )
    }

    /// Splits at spaces that stand outside parentheses and double quotes.
    private static func words(_ text: String, at place: String) throws -> [String] {
        var words: [String] = []
        var word = ""
        var depth = 0
        var quoted = false
        for character in text {
            switch character {
            case "\"": quoted.toggle()
            case "(" where !quoted: depth += 1
            case ")" where !quoted: depth -= 1
            default: break
            }
            if character == " ", depth == 0, !quoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        guard depth == 0, !quoted else { throw Malformed("\(place): unbalanced ( or \"") }
        if !word.isEmpty { words.append(word) }
        return words
    }

    private static func argument(_ word: String) -> Argument {
        guard let equals = word.firstIndex(of: "=") else { return Argument(key: word, values: []) }
        let key = String(word[..<equals])
        var value = String(word[word.index(after: equals)...])
        if value.hasPrefix("("), value.hasSuffix(")") {
            value.removeFirst()
            value.removeLast()
            let values = value.split { $0 == "," || $0 == " " }.map(String.init)
            return Argument(key: key, values: values)
        }
        return Argument(key: key, values: [value.filter { $0 != "\"" }])
    }
}

extension Script {
    private func read() throws -> String {
        String(decoding: try readFile(path), as: UTF8.self)
    }

    private func write(_ text: String) throws {
        guard let file = unsafe fopen(path, "w") else {
            throw Malformed("\(path): cannot be written")
        }
        defer { unsafe fclose(file) }
        unsafe fputs(text, file)
    }
}
