import Raft
import TestKit
import Testing

/// etcd-io/raft's own conversations, which are not part of this repository. `RAFT_SCRIPTS` names
/// their folder; without one there is nothing to run, and the tests say that they are skipped.
enum RaftScripts {
    static let folder: String = {
        let named = environment("RAFT_SCRIPTS") ?? "../shared/raft-scripts"
        return named.hasPrefix("/") ? named : repositoryRoot() + "/" + named
    }()

    static func all(in name: String) -> [Script] {
        Script.all(in: folder + "/" + name)
    }

    static func areHere(_ name: String) -> Bool {
        !all(in: name).isEmpty
    }

    static let hint: Comment = "no scripts at RAFT_SCRIPTS (or ../shared/raft-scripts)"
}

@Suite struct InteractionScriptTests {
    @Test(
        .enabled(if: RaftScripts.areHere("interaction"), RaftScripts.hint),
        arguments: RaftScripts.all(in: "interaction")
    )
    func `a group of nodes talks as etcd's does`(script: Script) throws {
        let world = InteractionWorld()
        try script.run(world.handle)
    }
}

@Suite struct ConfChangeScriptTests {
    @Test(
        .enabled(if: RaftScripts.areHere("confchange"), RaftScripts.hint),
        arguments: RaftScripts.all(in: "confchange")
    )
    func `a configuration changes as etcd's does`(script: Script) throws {
        var tracker = ProgressTracker(maxInflightMessages: 10)
        var lastIndex = LogIndex.zero
        try script.run { command in
            defer { lastIndex = lastIndex + 1 }
            let changes = try ConfChangeV2.Single.all(in: command.input)
            let changer = ConfChanger(tracker, lastIndex: lastIndex)
            do {
                switch command.name {
                case "simple":
                    (tracker.configuration, tracker.progress) = try changer.simple(changes)
                case "enter-joint":
                    (tracker.configuration, tracker.progress) = try changer.enteringJoint(
                        autoLeave: command.value("autoleave") == "true",
                        changes
                    )
                case "leave-joint":
                    (tracker.configuration, tracker.progress) = try changer.leavingJoint()
                default: throw Script.Malformed("unknown command \(command.name)")
                }
            } catch let error as ConfChangeError {
                return error.description
            }
            let nodes = tracker.progress.map { "\n\($0.id.rawValue): \($0)" }
            return tracker.configuration.description + nodes.joined()
        }
    }
}

@Suite struct QuorumScriptTests {
    @Test(
        .enabled(if: RaftScripts.areHere("quorum"), RaftScripts.hint),
        arguments: RaftScripts.all(in: "quorum")
    )
    func `a quorum decides as etcd's does`(script: Script) throws {
        try script.run { try QuorumQuestion($0).answer() }
    }
}

/// `committed cfg=(1,2) cfgj=(2,3) idx=(5,_,7)`: what the voters, each named once, have to say.
private struct QuorumQuestion {
    private let name: String
    private let voters: JointQuorum
    private let isJoint: Bool
    private let ids: [NodeID]
    private let words: [String]

    init(_ command: Script.Command) throws {
        name = command.name
        func quorum(_ key: String) -> [NodeID] {
            command.values(key).compactMap { UInt64($0) }.map(NodeID.init)
        }
        let (incoming, outgoing) = (quorum("cfg"), quorum("cfgj"))
        voters = JointQuorum(
            incoming: MajorityQuorum(incoming),
            outgoing: MajorityQuorum(outgoing)
        )
        isJoint = command.has("cfgj")
        var ids: [NodeID] = []
        for id in incoming + outgoing where !ids.contains(id) { ids.append(id) }
        self.ids = ids
        words = command.values(name == "vote" ? "votes" : "idx")
    }

    private func word(of id: NodeID) -> String? {
        guard let place = ids.firstIndex(of: id), words[place] != "_" else { return nil }
        return words[place]
    }

    private func index(of id: NodeID) -> LogIndex? {
        word(of: id).flatMap { UInt64($0) }.map(LogIndex.init)
    }

    func answer() throws -> String {
        if words.count != ids.count {
            let set = ids.sorted().map { "\($0.rawValue):{}" }.joined(separator: " ")
            let given = words.map { $0 == "_" || $0 == "0" ? "0" : $0 }.joined(separator: " ")
            return "error: mismatched input (explicit or _) for voters map[\(set)]: [\(given)]"
        }
        let swapped = JointQuorum(incoming: voters.outgoing, outgoing: voters.incoming)
        switch name {
        case "committed":
            let index = voters.committedIndex(index(of:))
            var text = picture(of: voters.ids)
            if swapped.committedIndex(self.index(of:)) != index { text += "differs when swapped\n" }
            if !isJoint { text += contradictions(of: index) }
            return text + (index.rawValue == .max ? "∞" : "\(index)")
        case "vote":
            let vote = { (id: NodeID) in self.word(of: id).map { $0 == "y" } }
            let verdict = voters.verdict(vote)
            let text = swapped.verdict(vote) == verdict ? "" : "differs when swapped\n"
            switch verdict {
            case .pending: return text + "VotePending"
            case .lost: return text + "VoteLost"
            case .won: return text + "VoteWon"
            }
        default: throw Script.Malformed("unknown command \(name)")
        }
    }

    /// Results that should be the same and are not.
    private func contradictions(of index: LogIndex) -> String {
        var text = ""
        let itself = JointQuorum(incoming: voters.incoming, outgoing: voters.incoming)
        if itself.committedIndex(self.index(of:)) != index { text += "differs joined to itself\n" }
        for id in ids {
            guard let own = self.index(of: id), own < index else { continue }
            let lower = voters.committedIndex { $0 == id ? .zero : self.index(of: $0) }
            if lower != index { text += "differs when \(id) has less\n" }
        }
        return text
    }

    /// A bar for each voter, longer for a higher index.
    private func picture(of ids: [NodeID]) -> String {
        if ids.isEmpty { return "<empty majority quorum>" }
        let known = ids.map { id in
            (id: id, index: index(of: id) ?? .zero, isKnown: index(of: id) != nil)
        }
        let order = known.sorted { ($0.index, $0.id) < ($1.index, $1.id) }
        var text = String(repeating: " ", count: ids.count) + "    idx\n"
        for voter in known {
            let bar = order.firstIndex { $0.index == voter.index } ?? 0
            let isLowest = voter.index == order[0].index
            let length = isLowest ? 0 : bar
            let line =
                voter.isKnown
                ? String(repeating: "x", count: length) + ">"
                    + String(repeating: " ", count: ids.count - length)
                : "?" + String(repeating: " ", count: ids.count)
            let number = "\(voter.index)"
            let padding = String(repeating: " ", count: max(0, 5 - number.count))
            text += "\(line) \(padding)\(number)    (id=\(voter.id.rawValue))\n"
        }
        return text
    }
}
