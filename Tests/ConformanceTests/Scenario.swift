import TestKit

/// A named sequence of calls and what they are to be answered:
///
///     NAME [own] [flags=(--flag=value)]
///     CALL
///     CALL
///     ----
///     what etcd 3.5.1 answered
///
///     differs in=CONTENDER because="why"
///     ----
///     what that one answers instead
///
/// Scenarios share a server, from which each begins with all keys deleted; an `own` one has a fresh
/// server, with flags if it likes. ``Conversation`` tells which calls there are.
struct Scenario: Sendable {
    let name: String
    let script: Script
    let calls: [String]
    let isAlone: Bool
    let flags: [String]
    /// What etcd 3.5.1 answers.
    let recorded: Script.Exchange
    /// What others answer, by their names.
    private(set) var differences: [String: Script.Exchange] = [:]

    /// What a contender is to answer.
    func expected(of contender: Contender) -> Script.Exchange {
        differences[contender.rawValue] ?? recorded
    }

    /// The scenarios of a file.
    static func all(in script: Script) throws -> [Scenario] {
        var scenarios: [Scenario] = []
        for exchange in try script.exchanges() {
            let command = exchange.command
            let place = "\(script.path):\(command.line)"
            guard command.name == "differs" else {
                scenarios.append(Scenario(exchange, in: script))
                continue
            }
            guard !scenarios.isEmpty, command.has("in"), command.value("because") != nil else {
                throw Script.Malformed("\(place): differs in=... because=\"...\" after a scenario")
            }
            for name in command.values("in") {
                guard Contender(rawValue: name) != nil, name != Contender.v3_5.rawValue else {
                    throw Script.Malformed("\(place): \(name) is nobody who may differ")
                }
                scenarios[scenarios.count - 1].differences[name] = exchange
            }
        }
        return scenarios
    }

    private init(_ exchange: Script.Exchange, in script: Script) {
        let command = exchange.command
        name = command.name
        self.script = script
        flags = command.values("flags")
        isAlone = command.has("own") || !flags.isEmpty
        recorded = exchange
        // A line that begins with blanks goes on with the call above.
        var calls: [String] = []
        for line in command.input where !line.hasPrefix("#") {
            if line.hasPrefix(" "), !calls.isEmpty {
                calls[calls.count - 1] += line
            } else {
                calls.append(line)
            }
        }
        self.calls = calls
    }
}
