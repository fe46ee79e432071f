/// What the command line and the environment say, before anything is understood of it.
package struct FlagParser {
    /// Given values by flag name; flags not given are absent.
    package private(set) var values: [String: String] = [:]
    /// Lines to log once there is a log: unknown variables, flags without effect.
    package private(set) var warnings: [String] = []
    /// What is not a flag nor a flag's value, where a command takes such.
    package private(set) var operands: [String] = []
    private let table: [Flag]

    /// Reads Go's flag syntax: one or two dashes, `-name=value` or `-name value`, a boolean may
    /// stand alone, the last of several wins. Variables fill in what the command line leaves out.
    package init(
        arguments: [String],
        environment: [String: String],
        table: [Flag] = FlagTable.all,
        takesOperands: Bool = false
    ) throws(Fatal) {
        self.table = table
        try readArguments(arguments, takesOperands)
        try readVariables(environment)
        try checkValues()
    }

    /// The value of a flag, its default if it was not given.
    package func value(_ name: String) -> String {
        values[name] ?? flag(named: name)?.fallback ?? ""
    }

    package func isOn(_ name: String) -> Bool {
        FlagValue.boolean(value(name)) ?? false
    }

    private func flag(named name: String) -> Flag? {
        table.first { $0.name == name || $0.shorthand == name }
    }

    package func isGiven(_ name: String) -> Bool {
        values[name] != nil
    }

    private mutating func readArguments(
        _ arguments: [String],
        _ takesOperands: Bool
    ) throws(Fatal) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if takesOperands, !argument.hasPrefix("-") || argument == "-" {
                operands.append(argument)
                continue
            }
            guard argument.hasPrefix("-"), argument != "-", argument != "--" else {
                throw Fatal(
                    .configuration,
                    "'\(argument)' is not a valid flag",
                    remedy: "write --name=value or --name value"
                )
            }
            let body = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1)
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let flag = flag(named: String(parts[0])) else {
                throw unknown(String(parts[0]))
            }
            let name = flag.name
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if case .boolean = flag.kind {
                values[name] = "true"
            } else if let next = rest.popFirst() {
                values[name] = next
            } else {
                throw Fatal(
                    .configuration,
                    "flag needs an argument: -\(name)",
                    remedy: "give it a value"
                )
            }
        }
    }

    private mutating func readVariables(_ environment: [String: String]) throws(Fatal) {
        var byVariable: [String: Flag] = [:]
        for flag in table { byVariable[flag.variable] = flag }
        for name in environment.keys.sorted() where name.hasPrefix("ETCD_") {
            guard let value = environment[name], !value.isEmpty else { continue }
            guard let flag = byVariable[name], flag.name != "version", flag.name != "help" else {
                warnings.append("unrecognized environment variable \(name)")
                continue
            }
            if values[flag.name] != nil {
                throw Fatal(
                    .configuration,
                    "conflicting environment variable \(name) is shadowed by command-line flag "
                        + "--\(flag.name)",
                    remedy: "either unset the variable or leave out the flag"
                )
            }
            values[flag.name] = value
        }
    }

    private mutating func checkValues() throws(Fatal) {
        for name in values.keys.sorted() {
            guard let flag = flag(named: name), let value = values[name] else { continue }
            if let expected = FlagValue.mismatch(value, flag.kind) {
                throw Fatal(
                    .configuration,
                    "invalid value \"\(value)\" for flag -\(name)",
                    remedy: "expected \(expected)"
                )
            }
            switch flag.effect {
            case .supported: break
            case .none: warnings.append("flag --\(name) has no effect here")
            case .refused(let harmless, let because):
                if value != flag.fallback && !harmless.contains(value)
                    && !isSameBoolean(value, flag)
                {
                    throw Fatal(
                        .configuration,
                        "flag --\(name)=\(value) asks for what this program cannot do",
                        remedy: because
                    )
                }
            }
        }
    }

    private func isSameBoolean(_ value: String, _ flag: Flag) -> Bool {
        guard case .boolean = flag.kind else { return false }
        return FlagValue.boolean(value) == FlagValue.boolean(flag.fallback)
    }

    private func unknown(_ name: String) -> Fatal {
        let hint = FlagTable.nearest(to: name, in: table).map { "did you mean --\($0.name)?" }
        return Fatal(
            .configuration,
            "flag provided but not defined: -\(name)",
            remedy: hint ?? "see --help for the flags there are"
        )
    }
}
