import Raft

/// Values in the words of etcd-io/raft, as the scripts expect them.
enum Description {
    static func of(_ ready: borrowing Ready) -> String {
        var text = ""
        if let state = ready.softState {
            text += "Lead:\(state.leader.rawValue) State:\(state.role)\n"
        }
        if let state = ready.hardState { text += "HardState \(of(state))\n" }
        if !ready.readStates.isEmpty {
            let reads = ready.readStates.map { read in
                "{\(read.index) [\(read.context.map(String.init).joined(separator: " "))]}"
            }
            text += "ReadStates [\(reads.joined(separator: " "))]\n"
        }
        if !ready.entries.isEmpty { text += "Entries:\n" + of(ready.entries) }
        if let snapshot = ready.snapshot { text += "Snapshot \(of(snapshot))\n" }
        if !ready.committedEntries.isEmpty {
            text += "CommittedEntries:\n" + of(ready.committedEntries)
        }
        if !ready.messages.isEmpty {
            text += "Messages:\n" + ready.messages.map { of($0) + "\n" }.joined()
        }
        return text.isEmpty ? "<empty Ready>" : "Ready MustSync=\(ready.mustSync):\n" + text
    }

    static func of(_ message: Message, indent: String = "") -> String {
        var text =
            "\(indent)\(target(message.from))->\(target(message.to)) \(name(message.kind))"
            + " Term:\(message.term) Log:\(message.logTerm)/\(message.index)"
        if message.reject { text += " Rejected (Hint: \(message.rejectHint))" }
        if message.commit != .zero { text += " Commit:\(message.commit)" }
        if message.vote != .none { text += " Vote:\(message.vote.rawValue)" }
        if message.entries.count == 1 {
            text += " Entries:[\(of(message.entries[0]))]"
        } else if message.entries.count > 1 {
            text += " Entries:["
            for entry in message.entries { text += "\n\(indent)  " + of(entry) }
            text += "\n\(indent)]"
        }
        if let snapshot = message.snapshot, snapshot.index != .zero {
            text += "\n\(indent)  Snapshot: \(of(snapshot))"
        }
        if !message.responses.isEmpty {
            text += " Responses:["
            for response in message.responses { text += "\n" + of(response, indent: indent + "  ") }
            text += "\n\(indent)]"
        }
        return text
    }

    static func of(_ entries: [Entry]) -> String {
        entries.map { of($0) + "\n" }.joined()
    }

    static func of(_ entry: Entry) -> String {
        let kind: String
        let content: String
        switch entry.kind {
        case .normal: (kind, content) = ("EntryNormal", quoted(entry.data))
        case .confChange: (kind, content) = ("EntryConfChange", changes(entry.confChange))
        case .confChangeV2: (kind, content) = ("EntryConfChangeV2", changes(entry.confChange))
        }
        return "\(entry.term)/\(entry.index) \(kind)" + (content.isEmpty ? "" : " " + content)
    }

    static func of(_ state: HardState) -> String {
        let vote = state.vote == .none ? "" : " Vote:\(state.vote.rawValue)"
        return "Term:\(state.term)\(vote) Commit:\(state.commit)"
    }

    static func of(_ snapshot: Snapshot) -> String {
        let state = snapshot.confState
        func list(_ ids: [NodeID]) -> String {
            "[" + ids.map { String($0.rawValue) }.joined(separator: " ") + "]"
        }
        return "Index:\(snapshot.index) Term:\(snapshot.term) ConfState:"
            + "Voters:\(list(state.voters)) VotersOutgoing:\(list(state.votersOutgoing))"
            + " Learners:\(list(state.learners)) LearnersNext:\(list(state.learnersNext))"
            + " AutoLeave:\(state.autoLeave)"
    }

    private static func target(_ id: NodeID) -> String {
        switch id {
        case .none: "None"
        case .localAppendThread: "AppendThread"
        case .localApplyThread: "ApplyThread"
        default: id.description
        }
    }

    private static func changes(_ change: ConfChangeV2?) -> String {
        guard let change else { return "unreadable" }
        return change.changes.map { single in
            let letter =
                switch single.kind {
                case .addNode: "v"
                case .removeNode: "r"
                case .updateNode: "u"
                case .addLearnerNode: "l"
                }
            return letter + String(single.node.rawValue)
        }
        .joined(separator: " ")
    }

    /// Go's quoting.
    private static func quoted(_ data: [UInt8]) -> String {
        var text = "\""
        for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    static func name(_ kind: Message.Kind) -> String {
        switch kind {
        case .hup: "MsgHup"
        case .beat: "MsgBeat"
        case .propose: "MsgProp"
        case .append: "MsgApp"
        case .appendResponse: "MsgAppResp"
        case .vote: "MsgVote"
        case .voteResponse: "MsgVoteResp"
        case .snapshot: "MsgSnap"
        case .heartbeat: "MsgHeartbeat"
        case .heartbeatResponse: "MsgHeartbeatResp"
        case .unreachable: "MsgUnreachable"
        case .snapshotStatus: "MsgSnapStatus"
        case .checkQuorum: "MsgCheckQuorum"
        case .transferLeader: "MsgTransferLeader"
        case .timeoutNow: "MsgTimeoutNow"
        case .readIndex: "MsgReadIndex"
        case .readIndexResponse: "MsgReadIndexResp"
        case .preVote: "MsgPreVote"
        case .preVoteResponse: "MsgPreVoteResp"
        case .storageAppend: "MsgStorageAppend"
        case .storageAppendResponse: "MsgStorageAppendResp"
        case .storageApply: "MsgStorageApply"
        case .storageApplyResponse: "MsgStorageApplyResp"
        case .forgetLeader: "MsgForgetLeader"
        }
    }
}

extension StepError {
    var scriptText: String {
        switch self {
        case .localMessage: "raft: cannot step raft local message"
        case .peerNotFound: "raft: cannot step as peer not found"
        case .malformed(let what): "malformed: \(what)"
        case .proposalDropped: "raft proposal dropped"
        }
    }
}
