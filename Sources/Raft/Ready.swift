/// What one turn leaves to be done, in the order of its fields:
///
/// 1. `softState`, `readStates`: for whoever wants to know.
/// 2. `hardState`, `entries` and `snapshot` go to disk, synced if `mustSync`, and into the
///    `MemoryLog`; the state machine is replaced by the snapshot.
/// 3. `committedEntries` are applied, configuration changes by `RaftNode.apply`.
/// 4. `messages` are sent.
///
/// In synchronous mode `messages` must wait until 2 is done, and `RaftNode.advance` ends the turn.
/// With asynchronous storage they are sent at once; the work of 2 and 3 is in two of them, to
/// `.localAppendThread` and `.localApplyThread`, each with `responses` that are delivered, to other
/// nodes and to this one, when it is done. Each thread works in the order of its messages. Requests
/// for votes are the exception: they too must wait until the work of the append message that comes
/// with them is done, or a candidate that loses power could be elected twice in one term.
package struct Ready: ~Copyable {
    /// Non-nil when it has changed.
    package let softState: SoftState?
    package let readStates: [ReadState]
    /// Non-nil when it has changed.
    package let hardState: HardState?
    package let entries: [Entry]
    package let snapshot: Snapshot?
    package let committedEntries: [Entry]
    package let messages: [Message]
    /// There are entries, or the term or the vote has changed. A new commit index alone may be
    /// lost.
    package let mustSync: Bool
    fileprivate let number: UInt64
}

extension RaftNode {
    /// What has been said by the last `Ready`, and what its `advance` will bring.
    struct Accepted {
        var softState = SoftState(leader: .none, role: .follower)
        var hardState = HardState()
        fileprivate var number: UInt64 = 0
        fileprivate var isOpen = false
        fileprivate var steps: [Message] = []
    }

    /// Without asynchronous storage all that is handed out has been written when it is applied.
    private var allowsUnstable: Bool { !configuration.asyncStorageWrites }

    /// Whether `ready()` would return something.
    package var hasReady: Bool {
        !messages.isEmpty || !messagesAfterAppend.isEmpty || !readStates.isEmpty
            || !log.unstable.nextEntries.isEmpty || log.unstable.nextSnapshot != nil
            || log.hasCommittedEntries(allowUnstable: allowsUnstable)
            || softState != accepted.softState || hardState != accepted.hardState
    }

    /// Takes the work that there is; nil when there is none.
    package mutating func ready() -> Ready? {
        guard hasReady else { return nil }
        invariant(!accepted.isOpen, "a Ready is taken before the one before has been advanced")
        let entries = Array(log.unstable.nextEntries)
        let committed = log.committedEntries(allowUnstable: allowsUnstable)
        let snapshot = log.unstable.nextSnapshot
        let soft = softState == accepted.softState ? nil : softState
        let hard = hardState == accepted.hardState ? nil : hardState
        let mustSync =
            !entries.isEmpty
            || hard.map { hard in
                hard.term != accepted.hardState.term || hard.vote != accepted.hardState.vote
            } ?? false

        var out = messages
        messages = []
        if configuration.asyncStorageWrites {
            addStorageMessages(entries, hard, snapshot, committed, to: &out)
        } else {
            scheduleSteps(snapshot: snapshot, committed: committed)
            out += messagesAfterAppend.filter { $0.to != id }
            accepted.isOpen = true
        }
        messagesAfterAppend = []
        let reads = readStates
        readStates = []
        accepted.softState = softState
        accepted.hardState = hardState
        accepted.number += 1
        log.acceptUnstable()
        if let last = committed.last {
            log.acceptApplying(
                last.index,
                size: committed.encodedSize,
                allowUnstable: allowsUnstable
            )
        }
        return Ready(
            softState: soft,
            readStates: reads,
            hardState: hard,
            entries: entries,
            snapshot: snapshot,
            committedEntries: committed,
            messages: out,
            mustSync: mustSync,
            number: accepted.number
        )
    }

    /// All that `ready` says has been done. For synchronous mode only.
    package mutating func advance(_ ready: consuming Ready) {
        invariant(allowsUnstable, "advancing with asynchronous storage")
        invariant(
            accepted.isOpen && ready.number == accepted.number,
            "Ready \(ready.number) is advanced after \(accepted.number)"
        )
        accepted.isOpen = false
        let steps = accepted.steps
        accepted.steps = []
        for step in steps {
            let outcome = Result { () throws(ProposalDropped) in try handle(step) }
            if case .failure(let error) = outcome { fatalError("\(step.kind): \(error)") }
        }
    }

    /// What this node will hear from itself when the turn has been done.
    private mutating func scheduleSteps(snapshot: Snapshot?, committed: [Entry]) {
        invariant(accepted.steps.isEmpty, "steps of an earlier turn are left")
        accepted.steps = messagesAfterAppend.filter { $0.to == id }
        if needsAppendResponse(snapshot: snapshot) {
            accepted.steps.append(storageAppendResponse(snapshot: snapshot))
        }
        if !committed.isEmpty { accepted.steps.append(storageApplyResponse(committed)) }
    }
}

// MARK: - Storage messages
extension RaftNode {
    private func addStorageMessages(
        _ entries: [Entry],
        _ hardState: HardState?,
        _ snapshot: Snapshot?,
        _ committed: [Entry],
        to messages: inout [Message]
    ) {
        let hasWork = !entries.isEmpty || hardState != nil || snapshot != nil
        if hasWork || !messagesAfterAppend.isEmpty {
            var message = Message(
                kind: .storageAppend,
                to: .localAppendThread,
                from: id,
                entries: entries,
                snapshot: snapshot,
                responses: messagesAfterAppend
            )
            if let hardState {
                message.term = hardState.term
                message.vote = hardState.vote
                message.commit = hardState.commit
            }
            if needsAppendResponse(snapshot: snapshot) {
                message.responses.append(storageAppendResponse(snapshot: snapshot))
            }
            messages.append(message)
        }
        if !committed.isEmpty {
            messages.append(
                Message(
                    kind: .storageApply,
                    to: .localApplyThread,
                    from: id,
                    entries: committed,
                    responses: [storageApplyResponse(committed)]
                )
            )
        }
    }

    private func needsAppendResponse(snapshot: Snapshot?) -> Bool {
        !log.unstable.entries.isEmpty || snapshot != nil
    }

    /// Says, once it comes back, that the log is on disk up to its present end.
    ///
    /// It carries the term, and tells the end also when nothing new is written, for this reason.
    /// Say leader A of term 1 has follower B write x at index 5. Before that is done, leader C of
    /// term 2 has B replace it by y, and A, leading again in term 3, has B replace y by x: the same
    /// entry, for it keeps its term. When the first write is done now, x is not stable yet: the
    /// disk will hold y before it holds x again, and would be read. So an answer of an earlier
    /// term than the node's says nothing about entries. But then nothing might ever say that they
    /// are stable; therefore every write that begins while something is unstable answers for all
    /// that began before it.
    private func storageAppendResponse(snapshot: Snapshot?) -> Message {
        var message = Message(
            kind: .storageAppendResponse,
            to: id,
            from: .localAppendThread,
            term: term,
            snapshot: snapshot
        )
        if !log.unstable.entries.isEmpty {
            message.logTerm = log.lastTerm
            message.index = log.lastIndex
        }
        return message
    }

    private func storageApplyResponse(_ committed: [Entry]) -> Message {
        Message(
            kind: .storageApplyResponse,
            to: id,
            from: .localApplyThread,
            entries: committed
        )
    }
}
