import Raft
import TestKit

/// The world of the interaction scripts: nodes with ids from 1, and the messages between them.
final class InteractionWorld {
    final class Node {
        var raft: RaftNode
        let log: MemoryLog
        let configuration: RaftNode.Configuration
        /// The state after each applied entry; the newest is what is sent as a snapshot.
        var history: [Snapshot]
        var appendWork: [Message] = []
        var applyWork: [Message] = []

        init(_ configuration: RaftNode.Configuration) throws {
            raft = try RaftNode(configuration)
            log = configuration.log
            history = [log.snapshot]
            self.configuration = configuration
        }
    }

    private(set) var nodes: [Node] = []
    private var messages: [Message] = []
    private var lines: [String] = []
    private var indent = ""
    /// The scripts turn all output off while they prepare.
    private var isQuiet = false

    func handle(_ command: Script.Command) throws -> String {
        lines = []
        do {
            try run(command)
        } catch let error as Failure {
            if isQuiet { return error.text }
            lines.append(error.text)
        }
        return lines.joined(separator: "\n")
    }

    /// What a command prints when it cannot be done.
    struct Failure: Error {
        let text: String
    }

    private func say(_ text: String) {
        if isQuiet { return }
        var parts = text.split(separator: "\n", omittingEmptySubsequences: false)
        if parts.last == "" { parts.removeLast() }
        lines += parts.map { indent + $0 }
    }

    private func under(_ title: String, _ body: () throws -> Void) rethrows {
        say(title)
        indent += "  "
        defer { indent.removeLast(2) }
        try body()
    }

    private func run(_ command: Script.Command) throws {
        switch command.name {
        case "log-level": setLevel(command.arguments.first?.key)
        case "add-nodes": try addNodes(command)
        case "stabilize": try stabilize(command)
        case "deliver-msgs": try deliver(command)
        case "process-ready":
            try each(command, title: "handling Ready") { try self.processReady($0) }
        case "process-append-thread":
            try each(command, title: "processing append thread") { try self.processAppend($0) }
        case "process-apply-thread":
            try each(command, title: "processing apply thread") { try self.processApply($0) }
        case "raft-state": sayStates()
        case "status": sayStatus(try node(command))
        case "raft-log": sayLog(try node(command))
        default: try runOnNode(command)
        }
    }

    private func runOnNode(_ command: Script.Command) throws {
        switch command.name {
        case "campaign": try node(command).raft.campaign()
        case "forget-leader": try node(command).raft.forgetLeader()
        case "tick-heartbeat": try tick(command, \.heartbeatTicks)
        case "tick-election": try tick(command, \.electionTicks)
        case "propose": try propose(command)
        case "propose-conf-change": try proposeChange(command)
        case "report-unreachable":
            try node(command).raft.reportUnreachable(NodeID(rawValue: try number(command, 1)))
        case "compact": try compact(command)
        case "send-snapshot": try sendSnapshot(command)
        case "transfer-leadership":
            let from = try number(command, key: "from")
            let to = NodeID(rawValue: try number(command, key: "to"))
            nodes[Int(from) - 1].raft.transferLeadership(to: to)
        case "set-randomized-election-timeout":
            let ticks = Int(try number(command, key: "timeout"))
            try node(command).raft.setRandomizedElectionTimeout(ticks)
        default: throw Script.Malformed("\(command.line): unknown command \(command.name)")
        }
    }
}

// MARK: - Arguments
extension InteractionWorld {
    private func number(_ command: Script.Command, _ place: Int) throws -> UInt64 {
        guard command.arguments.count > place,
            let number = UInt64(command.arguments[place].key)
        else { throw Script.Malformed("\(command.line): no number as argument \(place)") }
        return number
    }

    private func number(_ command: Script.Command, key: String) throws -> UInt64 {
        guard let number = command.value(key).flatMap({ UInt64($0) }) else {
            throw Script.Malformed("\(command.line): no number as \(key)")
        }
        return number
    }

    private func node(_ command: Script.Command) throws -> Node {
        nodes[Int(try number(command, 0)) - 1]
    }

    /// The nodes whose ids are arguments.
    private func positions(_ command: Script.Command) -> [Int] {
        command.arguments.filter(\.values.isEmpty).compactMap { Int($0.key) }.map { $0 - 1 }
    }

    private func each(
        _ command: Script.Command,
        title: String,
        _ body: (Int) throws -> Void
    ) throws {
        let positions = positions(command)
        if positions.count == 1 { return try body(positions[0]) }
        for position in positions {
            try under("> \(position + 1) \(title)") { try body(position) }
        }
    }

    private func setLevel(_ level: String?) {
        isQuiet = level?.lowercased() == "none"
    }
}

// MARK: - Nodes
extension InteractionWorld {
    private func addNodes(_ command: Script.Command) throws {
        var snapshot = Snapshot()
        var template = RaftNode.Configuration(
            id: .none,
            log: MemoryLog(),
            electionTicks: 3,
            heartbeatTicks: 1,
            maxSizePerMessage: .max,
            maxInflightMessages: .max,
            seed: 0
        )
        for argument in command.arguments.dropFirst() {
            try apply(argument, to: &template, &snapshot)
        }
        let isBootstrap = snapshot != Snapshot()
        if isBootstrap, snapshot.index <= LogIndex(rawValue: 1) {
            throw Failure(text: "index must be specified as > 1 due to bootstrap")
        }
        if isBootstrap { snapshot.term = Term(rawValue: 1) }
        for _ in 0..<(try number(command, 0)) {
            var configuration = template
            configuration.id = NodeID(rawValue: UInt64(nodes.count + 1))
            configuration.seed = UInt64(nodes.count)
            configuration.log = MemoryLog(snapshot: snapshot)
            nodes.append(try Node(configuration))
        }
    }

    private func apply(
        _ argument: Script.Argument,
        to configuration: inout RaftNode.Configuration,
        _ snapshot: inout Snapshot
    ) throws {
        func ids() -> [NodeID] { argument.values.compactMap { UInt64($0) }.map(NodeID.init) }
        let value = argument.values.first ?? ""
        let count = Int(value) ?? 0
        switch argument.key {
        case "voters": snapshot.confState.voters = ids()
        case "learners": snapshot.confState.learners = ids()
        case "index":
            snapshot.index = LogIndex(rawValue: UInt64(count))
            configuration.applied = snapshot.index
        case "content": snapshot.data = Array(value.utf8)
        case "inflight": configuration.maxInflightMessages = count
        case "async-storage-writes": configuration.asyncStorageWrites = value == "true"
        case "prevote": configuration.preVote = value == "true"
        case "checkquorum": configuration.checkQuorum = value == "true"
        case "step-down-on-removal": configuration.stepDownOnRemoval = value == "true"
        case "max-committed-size-per-ready": configuration.maxCommittedSizePerReady = count
        case "disable-conf-change-validation":
            configuration.disableConfChangeValidation = value == "true"
        case "read-only": configuration.readOnly = value == "safe" ? .safe : .leaseBased
        default: throw Script.Malformed("unknown option \(argument.key)")
        }
    }

    private func tick(
        _ command: Script.Command,
        _ ticks: KeyPath<RaftNode.Configuration, Int>
    ) throws {
        let node = try node(command)
        for _ in 0..<node.configuration[keyPath: ticks] { node.raft.tick() }
    }

    private func propose(_ command: Script.Command) throws {
        let data = command.arguments.count > 1 ? command.arguments[1].key : ""
        let node = try node(command)
        try dropping { () throws(ProposalDropped) in try node.raft.propose(Array(data.utf8)) }
    }

    private func proposeChange(_ command: Script.Command) throws {
        let node = try node(command)
        let changes = try ConfChangeV2.Single.all(in: command.input)
        let transition: ConfChangeV2.Transition =
            switch command.value("transition") ?? "auto" {
            case "auto": .auto
            case "implicit": .jointImplicit
            case "explicit": .jointExplicit
            case let other: throw Script.Malformed("unknown transition \(other)")
            }
        guard command.value("v1") == "true" else {
            let change = ConfChangeV2(transition: transition, changes: changes)
            return try dropping { () throws(ProposalDropped) in try node.raft.propose(change) }
        }
        guard changes.count == 1, transition == .auto else {
            let text = "v1 conf change can only have one operation and no transition"
            throw Failure(text: text)
        }
        let change = ConfChange(kind: changes[0].kind, node: changes[0].node)
        try dropping { () throws(ProposalDropped) in try node.raft.propose(change) }
    }

    private func dropping(_ body: () throws(ProposalDropped) -> Void) throws {
        do {
            try body()
        } catch {
            throw Failure(text: "raft proposal dropped")
        }
    }

    private func compact(_ command: Script.Command) throws {
        let node = try node(command)
        try node.log.compact(to: LogIndex(rawValue: try number(command, 1)))
        sayLog(node)
    }

    private func sendSnapshot(_ command: Script.Command) throws {
        let node = try node(command)
        let message = Message(
            kind: .snapshot,
            to: NodeID(rawValue: try number(command, 1)),
            from: node.raft.id,
            term: node.raft.basicStatus.term,
            snapshot: node.log.snapshot
        )
        messages.append(message)
        say(Description.of(message))
    }
}

// MARK: - Looking
extension InteractionWorld {
    private func sayStates() {
        for node in nodes {
            let status = node.raft.status
            let isVoter = status.configuration.voters.contains(status.id)
            say(
                "\(status.id.rawValue): \(status.role) (\(isVoter ? "Voter" : "Non-Voter"))"
                    + " Term:\(status.term) Lead:\(status.lead.rawValue)"
            )
        }
    }

    private func sayStatus(_ node: Node) {
        for progress in node.raft.status.progress {
            say("\(progress.id.rawValue): \(progress)")
        }
    }

    private func sayLog(_ node: Node) {
        let (first, last) = (node.log.firstIndex, node.log.lastIndex)
        if last < first {
            say("log is empty: first index=\(first), last index=\(last)")
        } else if let entries = try? node.log.entries(from: first, to: last + 1) {
            say(Description.of(entries))
        }
    }
}

// MARK: - Working
extension InteractionWorld {
    private func processReady(_ position: Int) throws {
        let node = nodes[position]
        guard let ready = node.raft.ready() else { return say("<empty Ready>") }
        say(Description.of(ready))
        let isAsync = node.configuration.asyncStorageWrites
        if !isAsync {
            try write(ready.entries, ready.hardState, ready.snapshot, to: node)
            apply(ready.committedEntries, on: node)
        }
        for message in ready.messages {
            switch message.to {
            case .localAppendThread: node.appendWork.append(message)
            case .localApplyThread: node.applyWork.append(message)
            default: messages.append(message)
            }
        }
        if !isAsync { node.raft.advance(ready) }
    }

    private func write(
        _ entries: [Entry],
        _ hardState: HardState?,
        _ snapshot: Snapshot?,
        to node: Node
    ) throws {
        if let hardState { node.log.hardState = hardState }
        if let snapshot {
            try node.log.apply(snapshot)
            node.history.append(snapshot)
        }
        node.log.append(entries)
    }

    private func apply(_ entries: [Entry], on node: Node) {
        for entry in entries {
            var state = node.history[node.history.count - 1]
            state.index = entry.index
            state.term = entry.term
            if let change = entry.confChange {
                state.confState = node.raft.apply(change)
                state.data += change.context
            } else {
                state.data += entry.data
            }
            node.history.append(state)
            node.log.snapshot = state
        }
    }

    private func processAppend(_ position: Int) throws {
        let node = nodes[position]
        if node.appendWork.isEmpty { return say("no append work to perform") }
        var message = node.appendWork.removeFirst()
        let responses = message.responses
        message.responses = []
        say("Processing:\n" + Description.of(message))
        let state = HardState(term: message.term, vote: message.vote, commit: message.commit)
        try write(
            message.entries,
            state == HardState() ? nil : state,
            message.snapshot,
            to: node
        )
        answer(responses)
    }

    private func processApply(_ position: Int) throws {
        let node = nodes[position]
        if node.applyWork.isEmpty { return say("no apply work to perform") }
        var message = node.applyWork.removeFirst()
        let responses = message.responses
        message.responses = []
        say("Processing:\n" + Description.of(message))
        apply(message.entries, on: node)
        answer(responses)
    }

    private func answer(_ responses: [Message]) {
        say("Responses:")
        for response in responses { say(Description.of(response)) }
        messages += responses
    }
}

// MARK: - Delivering
extension InteractionWorld {
    private func deliver(_ command: Script.Command) throws {
        let kind = command.value("type")
        var count = 0
        for position in positions(command) {
            count += deliver(to: position, kind: kind, drop: false)
        }
        for id in command.values("drop").compactMap({ Int($0) }) {
            count += deliver(to: id - 1, kind: kind, drop: true)
        }
        if count == 0 { say("no messages") }
    }

    /// Messages of a node to itself or of its threads are never lost.
    private func isDue(_ message: Message, to position: Int, kind: String?, drop: Bool) -> Bool {
        let isLocal = message.from == message.to || message.from >= .localApplyThread
        return message.to.rawValue == UInt64(position + 1) && !(drop && isLocal)
            && (kind == nil || kind == Description.name(message.kind))
    }

    private func deliver(to position: Int, kind: String? = nil, drop: Bool) -> Int {
        let due = messages.filter { isDue($0, to: position, kind: kind, drop: drop) }
        messages.removeAll { isDue($0, to: position, kind: kind, drop: drop) }
        for message in due {
            say((drop ? "dropped: " : "") + Description.of(message))
            if drop { continue }
            do throws(StepError) {
                try nodes[position].raft.step(message)
            } catch {
                say(error.scriptText)
            }
        }
        return due.count
    }

    private func stabilize(_ command: Script.Command) throws {
        let wasQuiet = isQuiet
        if let level = command.value("log-level") { setLevel(level) }
        defer { isQuiet = wasQuiet }
        let named = positions(command)
        let chosen = named.isEmpty ? Array(nodes.indices) : named
        while try stabilizeOnce(chosen) {}
    }

    /// Gives each node one turn at each kind of work; false when there was none.
    private func stabilizeOnce(_ chosen: [Int]) throws -> Bool {
        var hasWorked = false
        for position in chosen where nodes[position].raft.hasReady {
            try under("> \(position + 1) handling Ready") { try processReady(position) }
            hasWorked = true
        }
        for position in chosen
        where messages.contains(where: { isDue($0, to: position, kind: nil, drop: false) }) {
            under("> \(position + 1) receiving messages") {
                _ = deliver(to: position, drop: false)
            }
            hasWorked = true
        }
        for position in chosen where !nodes[position].appendWork.isEmpty {
            try under("> \(position + 1) processing append thread") {
                while !nodes[position].appendWork.isEmpty { try processAppend(position) }
            }
            hasWorked = true
        }
        for position in chosen where !nodes[position].applyWork.isEmpty {
            try under("> \(position + 1) processing apply thread") {
                while !nodes[position].applyWork.isEmpty { try processApply(position) }
            }
            hasWorked = true
        }
        return hasWorked
    }
}

extension ConfChangeV2.Single {
    /// `v1 l2 r3 u4`.
    static func all(in lines: [String]) throws -> [ConfChangeV2.Single] {
        try lines.joined(separator: " ").split(separator: " ").map { word in
            guard let number = UInt64(word.dropFirst()) else {
                throw Script.Malformed("no change: \(word)")
            }
            let kind: ConfChange.Kind =
                switch word.first {
                case "v": .addNode
                case "l": .addLearnerNode
                case "r": .removeNode
                case "u": .updateNode
                default: throw Script.Malformed("no change: \(word)")
                }
            return ConfChangeV2.Single(kind: kind, node: NodeID(rawValue: number))
        }
    }
}
