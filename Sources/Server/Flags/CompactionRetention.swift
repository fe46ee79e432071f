package import Member

/// `--auto-compaction-mode` and `--auto-compaction-retention` as etcd reads them: a bare number is
/// hours or revisions, anything else is a duration. (In the mode `revision` a duration counts as
/// its nanoseconds, as it does there.)
package enum CompactionRetention {
    /// Nil: nothing is compacted automatically.
    package static func policy(
        mode: String,
        retention: String
    ) throws(Fatal) -> AutoCompaction.Policy? {
        guard ["periodic", "revision"].contains(mode) else {
            let what =
                mode.isEmpty
                ? "undefined auto-compaction-mode" : "unknown auto-compaction-mode \"\(mode)\""
            throw Fatal(.configuration, what, remedy: "write periodic or revision")
        }
        let isRevision = mode == "revision"
        let amount: Int64
        if let number = Int64(retention), number >= 0 {
            let (product, overflow) = number.multipliedReportingOverflow(
                by: isRevision ? 1 : 3_600_000_000_000
            )
            guard !overflow else { throw wrong(retention) }
            amount = product
        } else if let nanoseconds = FlagValue.nanoseconds(retention) {
            amount = nanoseconds
        } else {
            throw wrong(retention)
        }
        guard amount > 0 else { return nil }
        return isRevision ? .revision(amount) : .periodic(milliseconds: max(1, amount / 1_000_000))
    }

    private static func wrong(_ retention: String) -> Fatal {
        Fatal(
            .configuration,
            "error parsing CompactionRetention: invalid duration \"\(retention)\"",
            remedy: "write hours or revisions, or a duration such as 30m"
        )
    }
}
