/// What `--feature-gates` turns on or off, and 3.5's flags of the same features.
struct FeatureGates {
    private enum Stage {
        case alpha
        case beta
    }

    private struct Gate {
        let name: String
        let stage: Stage
        /// 3.5's flag, where it is more than a name without effect here.
        var oldFlag: String?
        /// Whether it changes anything here.
        var hasEffect = false
    }

    /// etcd's, up to 3.7.
    private static let known: [Gate] = [
        Gate(
            name: "CompactHashCheck",
            stage: .alpha,
            oldFlag: "experimental-compact-hash-check-enabled",
            hasEffect: true
        ),
        Gate(name: "FastLeaseKeepAlive", stage: .beta),
        Gate(
            name: "InitialCorruptCheck",
            stage: .alpha,
            oldFlag: "experimental-initial-corrupt-check",
            hasEffect: true
        ),
        Gate(
            name: "LeaseCheckpoint",
            stage: .alpha,
            oldFlag: "experimental-enable-lease-checkpoint",
            hasEffect: true
        ),
        Gate(
            name: "LeaseCheckpointPersist",
            stage: .alpha,
            oldFlag: "experimental-enable-lease-checkpoint-persist",
            hasEffect: true
        ),
        Gate(name: "SetMemberLocalAddr", stage: .alpha),
        Gate(name: "StopGRPCServiceOnDefrag", stage: .alpha),
        Gate(name: "TxnModeWriteWithSharedBuffer", stage: .beta),
    ]

    private var values: [String: Bool] = [:]
    /// Lines to log at start.
    private(set) var warnings: [String] = []

    init(_ flags: FlagParser) throws(Fatal) {
        try read(flags.value("feature-gates"))
        for gate in Self.known {
            guard let old = gate.oldFlag, flags.isGiven(old) else { continue }
            if values[gate.name] != nil {
                throw Self.wrong(
                    "cannot specify both flags: --\(old) and --feature-gates=\(gate.name)=...",
                    "use only --feature-gates"
                )
            }
            values[gate.name] = FlagValue.boolean(flags.value(old))
        }
    }

    /// Whether a feature is on; those of a stage are by `AllAlpha` and `AllBeta`.
    func isOn(_ name: String) -> Bool {
        guard let gate = Self.known.first(where: { $0.name == name }) else { return false }
        switch gate.stage {
        case .alpha: return values[name] ?? values["AllAlpha"] ?? false
        case .beta: return values[name] ?? values["AllBeta"] ?? true
        }
    }

    private mutating func read(_ text: String) throws(Fatal) {
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1).map {
                String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            let name = parts.first ?? ""
            guard parts.count == 2 else {
                throw Self.wrong("missing bool value for \(name)", "write \(name)=true")
            }
            guard let value = FlagValue.boolean(parts[1]) else {
                throw Self.wrong("invalid value of \(name): \(parts[1])", "write true or false")
            }
            let gate = Self.known.first { $0.name == name }
            guard gate != nil || name == "AllAlpha" || name == "AllBeta" else {
                throw Self.wrong(
                    "unrecognized feature gate: \(name)",
                    "those there are: " + Self.known.map(\.name).joined(separator: ", ")
                )
            }
            values[name] = value
            if gate?.hasEffect == false {
                warnings.append("feature gate \(name) has no effect here")
            }
        }
    }

    private static func wrong(_ what: String, _ remedy: String) -> Fatal {
        Fatal(.configuration, what, remedy: remedy)
    }
}
