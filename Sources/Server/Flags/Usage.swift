/// The texts of `--help` and `--version`.
package enum Usage {
    package static var help: String {
        var lines = [
            "Usage: etcd-member [flags]",
            "       etcd-member COMMAND [operands] [flags]",
            "",
            "A member of an etcd-compatible cluster. Flags and ETCD_* variables are etcd's.",
            "",
            "Commands, each with --help:",
            "",
        ]
        lines += Command.all.map { "  \($0.name) \($0.operands)\n    \($0.meaning)" }
        lines += ["", "Flags of a member:", ""]
        for flag in FlagTable.all {
            if case .supported = flag.effect {
                lines.append("  --\(flag.name) '\(flag.fallback)'")
                lines.append("    \(flag.meaning)")
            }
        }
        lines += ["", "Taken for the sake of existing manifests, without effect:", ""]
        for flag in FlagTable.all {
            if case .none = flag.effect { lines.append("  --\(flag.name)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The first line is etcd's own, because tools read it.
    package static func version(_ announced: AnnouncedVersion) -> String {
        "etcd Version: \(announced.client)\nImplementation: etcd-member (etcd-operator)\n"
    }
}
