import Raft

/// Each entry is applied once: a process goes on in its state exactly where the state ends, and the
/// state never goes back behind what was made durable.
struct AppliedOnceChecker {
    static let name = "no entry applied twice"
    private struct Progress {
        var applied = LogIndex.zero
        var durable = LogIndex.zero
        var runs = false
    }
    private var machines: [Progress] = []

    private mutating func reach(_ machine: Int) {
        while machines.count <= machine { machines.append(Progress()) }
    }

    /// A process begins with a state that holds everything up to this index.
    mutating func started(_ machine: Int, _ name: String, at index: LogIndex) -> Violation? {
        reach(machine)
        let durable = machines[machine].durable
        machines[machine].applied = index
        machines[machine].runs = true
        if index >= durable { return nil }
        return Violation(
            Self.name,
            "\(name) starts with a state as of \(index), but \(durable) was durable in its backend"
        )
    }

    /// A process has applied an entry.
    mutating func note(_ machine: Int, _ name: String, _ index: LogIndex) -> Violation? {
        reach(machine)
        let expected = machines[machine].applied + 1
        machines[machine].applied = index
        if index == expected { return nil }
        return Violation(Self.name, "\(name) applied \(index) when \(expected) was next")
    }

    /// A snapshot has taken the place of the state.
    mutating func installed(_ machine: Int, at index: LogIndex) {
        reach(machine)
        machines[machine].applied = max(machines[machine].applied, index)
        machines[machine].durable = max(machines[machine].durable, index)
    }

    /// The state up to this index is durable.
    mutating func persisted(_ machine: Int, upTo index: LogIndex) {
        reach(machine)
        machines[machine].durable = max(machines[machine].durable, index)
    }
}
