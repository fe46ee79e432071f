import Raft

/// What a machine has on its disk, as its world knows, without asking it.
struct DurableState: Hashable {
    var term = Term.zero
    var vote = NodeID.none
    var lastIndex = LogIndex.zero
}

/// Nothing is applied, and nothing promised to others, before it is durable in the own log.
enum DurabilityChecker {
    static let name = "durable before applied or promised"

    static func check(
        applied: LogIndex,
        by machine: String,
        _ durable: DurableState
    ) -> Violation? {
        if applied <= durable.lastIndex { return nil }
        return Violation(
            name,
            "\(machine) applied \(applied), its log is durable up to \(durable.lastIndex)"
        )
    }

    static func check(
        committing index: LogIndex,
        toBackendOf machine: String,
        _ durable: DurableState
    ) -> Violation? {
        if index <= durable.lastIndex { return nil }
        return Violation(
            name,
            "\(machine) commits \(index) to its backend, its log is durable up to"
                + " \(durable.lastIndex)"
        )
    }

    /// A message leaves the machine: what it promises must survive the machine.
    static func check(
        sent message: Message,
        by machine: String,
        _ durable: DurableState
    ) -> Violation? {
        switch message.kind {
        case .voteResponse where !message.reject:
            let isKept =
                durable.term > message.term
                || (durable.term == message.term && durable.vote == message.to)
            if isKept { return nil }
            return Violation(
                name,
                "\(machine) votes for \(message.to) in term \(message.term); on its disk is"
                    + " a vote for \(durable.vote) in term \(durable.term)"
            )
        case .appendResponse where !message.reject:
            // One sync may make durable what a later term has replaced since, together with what
            // replaced it. The late answer harms nobody: who voted in the later term had this
            // entry by then.
            if message.term < durable.term { return nil }
            if message.index <= durable.lastIndex, message.term == durable.term { return nil }
            return Violation(
                name,
                "\(machine) acknowledges \(message.index) in term \(message.term); on its disk"
                    + " the log ends at \(durable.lastIndex) and the term is \(durable.term)"
            )
        case .vote, .append, .heartbeat:
            // Who asks for a term, or leads one, must know after a power loss that it had it.
            if message.term <= durable.term { return nil }
            return Violation(
                name,
                "\(machine) sends a \(message.kind) of term \(message.term); on its disk is term"
                    + " \(durable.term)"
            )
        default:
            return nil
        }
    }
}
