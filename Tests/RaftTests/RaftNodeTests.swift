import Raft
import TestKit
import Testing

/// One node and what its owner does, without a network.
@Suite struct RaftNodeTests {
    private static let ids = (1...UInt64(5)).map(NodeID.init)

    private func configuration(
        voters: Int = 3,
        entries: [Entry] = [],
        hardState: HardState = HardState(term: Term(rawValue: 1), commit: LogIndex(rawValue: 5))
    ) -> RaftNode.Configuration {
        let snapshot = Snapshot(
            confState: ConfState(voters: Array(Self.ids.prefix(voters))),
            index: LogIndex(rawValue: 5),
            term: Term(rawValue: 1)
        )
        let log = MemoryLog(snapshot: snapshot, hardState: hardState)
        log.append(entries)
        return RaftNode.Configuration(
            id: Self.ids[0],
            log: log,
            applied: snapshot.index,
            seed: 1
        )
    }

    private func entry(_ index: UInt64, term: UInt64) -> Entry {
        Entry(term: Term(rawValue: term), index: LogIndex(rawValue: index))
    }

    /// Does what every `Ready` says; returns the commands applied.
    private func settle(_ node: inout RaftNode, _ log: MemoryLog) -> [[UInt8]] {
        var applied: [[UInt8]] = []
        while let ready = node.ready() {
            if let state = ready.hardState { log.hardState = state }
            log.append(ready.entries)
            for entry in ready.committedEntries {
                if let change = entry.confChange {
                    _ = node.apply(change)
                } else {
                    applied.append(entry.data)
                }
            }
            node.advance(ready)
        }
        return applied
    }

    @Test func `a node alone commits what it is given, in order`() throws {
        let configuration = configuration(voters: 1)
        var node = try RaftNode(configuration)
        node.campaign()
        _ = settle(&node, configuration.log)
        try node.propose([[1], [2], [3]])
        let applied = settle(&node, configuration.log)
        #expect(applied == [[1], [2], [3]])
        #expect(node.basicStatus.role == .leader)
        node.readIndex(context: [9])
        let reads = node.ready()?.readStates
        #expect(reads == [ReadState(index: node.basicStatus.commit, context: [9])])
    }

    @Test func `a node that starts again goes on where its disk left it`() throws {
        let first = configuration(voters: 1)
        var node = try RaftNode(first)
        node.campaign()
        _ = settle(&node, first.log)
        try node.propose([7])
        _ = settle(&node, first.log)
        let before = node.basicStatus

        var again = try RaftNode(first)
        #expect(again.basicStatus.term == before.term)
        #expect(again.basicStatus.commit == before.commit)
        #expect(again.basicStatus.role == .follower)
        #expect(again.status.vote == node.id)
        // The state machine was at the snapshot: all that is committed comes again, once.
        let repeated = settle(&again, first.log)
        #expect(repeated == [[], [7]])
        var third = first
        third.applied = before.commit
        var caughtUp = try RaftNode(third)
        let nothing = settle(&caughtUp, first.log)
        #expect(nothing == [])
    }

    @Test func `the vote is remembered`() throws {
        let configuration = configuration()
        var node = try RaftNode(configuration)
        let request = Message(
            kind: .vote,
            from: Self.ids[1],
            term: Term(rawValue: 2),
            logTerm: Term(rawValue: 1),
            index: LogIndex(rawValue: 5)
        )
        try node.step(request)
        _ = settle(&node, configuration.log)

        var again = try RaftNode(configuration)
        var rival = request
        rival.from = Self.ids[2]
        try again.step(rival)
        var answers: [Bool] = []
        if let ready = again.ready() { answers += ready.messages.map(\.reject) }
        #expect(answers == [true])
    }

    @Test func `an answer of the append thread for a replaced entry changes nothing`() throws {
        var configuration = configuration()
        configuration.asyncStorageWrites = true
        var node = try RaftNode(configuration)
        func append(term: UInt64, entryTerm: UInt64, from leader: NodeID) -> Message {
            Message(
                kind: .append,
                to: node.id,
                from: leader,
                term: Term(rawValue: term),
                logTerm: Term(rawValue: 1),
                index: LogIndex(rawValue: 5),
                entries: [entry(6, term: entryTerm)],
                commit: LogIndex(rawValue: 5)
            )
        }
        func storageAnswer(_ node: inout RaftNode) -> [Message] {
            guard let ready = node.ready() else { return [] }
            let work = ready.messages.filter { $0.kind == .storageAppend }
            return work.flatMap(\.responses).filter { $0.kind == .storageAppendResponse }
        }
        // The same entry, another one in its place, and again the first.
        try node.step(append(term: 2, entryTerm: 2, from: Self.ids[1]))
        let first = storageAnswer(&node)
        try node.step(append(term: 3, entryTerm: 3, from: Self.ids[2]))
        let second = storageAnswer(&node)
        try node.step(append(term: 4, entryTerm: 2, from: Self.ids[1]))
        var commit = append(term: 4, entryTerm: 2, from: Self.ids[1])
        commit.commit = LogIndex(rawValue: 6)
        try node.step(commit)
        let third = storageAnswer(&node)
        #expect(first.count == 1 && second.count == 1 && third.count == 1)

        // Committed, but not handed out before the third write is done.
        for answer in first + second { try node.step(answer) }
        #expect(node.hasReady == false)
        configuration.log.append([entry(6, term: 2)])
        for answer in third { try node.step(answer) }
        let handedOut = node.ready()?.committedEntries
        #expect(handedOut == [entry(6, term: 2)])
    }

    /// A node that has won an election against `others` voters, in term 2.
    private func leader(_ configuration: RaftNode.Configuration, others: Int) throws -> RaftNode {
        var node = try RaftNode(configuration)
        node.campaign()
        _ = settle(&node, configuration.log)
        for other in Self.ids[1...].prefix(others) {
            try node.step(answer(.voteResponse, from: other))
        }
        _ = settle(&node, configuration.log)
        #expect(node.basicStatus.role == .leader)
        return node
    }

    private func answer(
        _ kind: Message.Kind,
        from id: NodeID,
        index: UInt64 = 0,
        context: [UInt8] = []
    ) -> Message {
        Message(
            kind: kind,
            from: id,
            term: Term(rawValue: 2),
            index: LogIndex(rawValue: index),
            context: context
        )
    }

    @Test func `an entry of a former term is committed only with one of the leader's own`() throws {
        let configuration = configuration(entries: [entry(6, term: 1)])
        var node = try leader(configuration, others: 1)
        // A quorum has 6, of the former term; the leader's own first entry is 7.
        try node.step(answer(.appendResponse, from: Self.ids[1], index: 6))
        #expect(node.basicStatus.commit == LogIndex(rawValue: 5))
        try node.step(answer(.appendResponse, from: Self.ids[1], index: 7))
        #expect(node.basicStatus.commit == LogIndex(rawValue: 7))
    }

    @Test func `a read waits for the term's first commit, then for a quorum`() throws {
        let configuration = configuration(voters: 5)
        var node = try leader(configuration, others: 2)
        node.readIndex(context: [1])
        try node.step(answer(.heartbeatResponse, from: Self.ids[1], context: [1]))
        try node.step(answer(.heartbeatResponse, from: Self.ids[2], context: [1]))
        let early = reads(&node, configuration.log)
        #expect(early == [])

        for other in Self.ids[1...2] {
            try node.step(answer(.appendResponse, from: other, index: 6))
        }
        let unconfirmed = reads(&node, configuration.log)
        #expect(unconfirmed == [])
        // One of the other four, even twice, is no quorum; nor is who answers another read.
        try node.step(answer(.heartbeatResponse, from: Self.ids[1], context: [1]))
        try node.step(answer(.heartbeatResponse, from: Self.ids[1], context: [1]))
        try node.step(answer(.heartbeatResponse, from: Self.ids[2], context: [2]))
        let outvoted = reads(&node, configuration.log)
        #expect(outvoted == [])
        try node.step(answer(.heartbeatResponse, from: Self.ids[3], context: [1]))
        let expected = ReadState(index: LogIndex(rawValue: 6), context: [1])
        let confirmed = reads(&node, configuration.log)
        #expect(confirmed == [expected])
    }

    @Test func `an only voter that starts again answers reads when it knows what is committed`()
        throws
    {
        // Of the commit index its disk knows less than was acknowledged.
        let configuration = configuration(voters: 1, entries: [entry(6, term: 1)])
        var node = try RaftNode(configuration)
        node.campaign()
        if let ready = node.ready() { node.advance(ready) }
        #expect(node.basicStatus.role == .leader)
        #expect(node.basicStatus.commit == LogIndex(rawValue: 5))
        node.readIndex(context: [1])
        let answered = reads(&node, configuration.log)
        #expect(answered == [ReadState(index: LogIndex(rawValue: 7), context: [1])])
    }

    @Test func `a leader that was removed does not answer reads for the only voter left`() throws {
        let configuration = configuration(voters: 2)
        var node = try leader(configuration, others: 1)
        try node.step(answer(.appendResponse, from: Self.ids[1], index: 6))
        _ = node.apply(ConfChange(kind: .removeNode, node: Self.ids[0]))
        #expect(node.basicStatus.role == .leader)
        node.readIndex(context: [1])
        let alone = reads(&node, configuration.log)
        #expect(alone == [])
        try node.step(answer(.heartbeatResponse, from: Self.ids[1], context: [1]))
        let confirmed = reads(&node, configuration.log)
        #expect(confirmed == [ReadState(index: LogIndex(rawValue: 6), context: [1])])
    }

    private func reads(_ node: inout RaftNode, _ log: MemoryLog) -> [ReadState] {
        var reads: [ReadState] = []
        while let ready = node.ready() {
            reads += ready.readStates
            log.append(ready.entries)
            node.advance(ready)
        }
        return reads
    }

    @Test func `proposals are dropped with a reason`() throws {
        var configuration = configuration(voters: 1)
        configuration.maxUncommittedSize = 10
        var node = try RaftNode(configuration)
        #expect(throws: ProposalDropped.noLeader) { try node.propose([1]) }
        node.campaign()
        _ = settle(&node, configuration.log)
        // The first may be of any size, the next must fit beside it.
        try node.propose([UInt8](repeating: 0, count: 20))
        #expect(throws: ProposalDropped.uncommittedSizeExceeded) { try node.propose([1]) }
        _ = settle(&node, configuration.log)
        try node.propose([1])
    }

    @Test func `messages that no correct node sends are refused`() throws {
        let configuration = configuration()
        var node = try RaftNode(configuration)
        let other = Self.ids[1]
        let term = Term(rawValue: 1)
        #expect(throws: StepError.localMessage) {
            try node.step(Message(kind: .hup, from: other))
        }
        let stranger = Message(kind: .appendResponse, from: NodeID(rawValue: 9), term: term)
        #expect(throws: StepError.peerNotFound) { try node.step(stranger) }

        var append = Message(
            kind: .append,
            from: other,
            term: term,
            logTerm: term,
            index: LogIndex(rawValue: 5)
        )
        append.entries = [entry(7, term: 1)]
        var early = append
        early.entries = [entry(6, term: 1), entry(7, term: 0)]
        var late = append
        late.entries = [entry(6, term: 2)]
        var huge = append
        huge.commit = LogIndex(rawValue: .max)
        var group = Message(kind: .snapshot, from: other, term: term, snapshot: Snapshot())
        group.snapshot?.confState.voters = [Self.ids[0], Self.ids[0]]
        let unreadable = Entry(term: .zero, index: .zero, kind: .confChange, data: [255])
        let faulty = [
            append, early, late, huge, group,
            Message(kind: .append, from: other),
            Message(kind: .heartbeat, from: node.id, term: term),
            Message(kind: .vote, term: term),
            Message(kind: .propose, from: other),
            Message(kind: .propose, from: other, entries: [unreadable]),
            Message(kind: .readIndex, from: other),
        ]
        for message in faulty {
            #expect { try node.step(message) } throws: { error in
                if case StepError.malformed = error { true } else { false }
            }
        }
        #expect(node.hasReady == false)
    }

    @Test(arguments: Seed.batch(20))
    func `random messages never bring a node down`(seed: Seed) throws {
        var generator = seed.generator()
        let configuration = configuration()
        var node = try RaftNode(configuration)
        for _ in 0..<500 {
            // Not those that claim a commit index beyond the log: they show that it was lost.
            let message = Message(
                kind: generator.pick(Message.Kind.allCases),
                from: NodeID(rawValue: UInt64(generator.below(5))),
                term: Term(rawValue: UInt64(generator.below(4))),
                logTerm: Term(rawValue: UInt64(generator.below(3))),
                index: LogIndex(rawValue: UInt64(generator.below(10))),
                reject: generator.chance(0.5),
                rejectHint: LogIndex(rawValue: UInt64(generator.below(10))),
                context: generator.bytes(generator.below(3))
            )
            // Refusing is fine here.
            _ = try? node.step(message)
            if generator.chance(0.2) { node.tick() }
            _ = settle(&node, configuration.log)
        }
    }

    @Test func `a configuration that cannot work is refused`() {
        func error(_ change: (inout RaftNode.Configuration) -> Void) -> ConfigurationError? {
            var configuration = configuration()
            change(&configuration)
            do throws(ConfigurationError) {
                _ = try RaftNode(configuration)
                return nil
            } catch {
                return error
            }
        }
        #expect(error { _ in } == nil)
        #expect(error { $0.id = .none } == .noID)
        #expect(error { $0.electionTicks = 1 } == .ticks(election: 1, heartbeat: 1))
        #expect(error { $0.maxInflightMessages = 0 } == .noInflightMessages)
        #expect(error { $0.readOnly = .leaseBased } == .leaseWithoutCheckQuorum)
        #expect(error { $0.log.snapshot.confState.learners = [Self.ids[0]] } != nil)
    }

    @Test func `a Ready must be advanced before the next is taken`() async {
        await #expect(processExitsWith: .failure) {
            let log = MemoryLog(
                snapshot: Snapshot(
                    confState: ConfState(voters: [NodeID(rawValue: 1)]),
                    index: LogIndex(rawValue: 5),
                    term: Term(rawValue: 1)
                )
            )
            var node = try RaftNode(
                RaftNode.Configuration(id: NodeID(rawValue: 1), log: log, seed: 1)
            )
            node.campaign()
            _ = node.ready()
            try node.step(
                Message(
                    kind: .heartbeat,
                    from: NodeID(rawValue: 2),
                    term: Term(rawValue: 9)
                )
            )
            _ = node.ready()
        }
    }
}
