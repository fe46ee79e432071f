import Chance
import Raft
import Storage

/// A group of bare `RaftNode`s on simulated machines, network and time: with everything that
/// members do not use, joint changes, leases, snapshots of any state, synchronous storage.
///
/// Stage, network, saboteur and checkers are those of the world of members.
final class CoreWorld {
    let stage: Stage
    let options: Options
    private(set) var machines: [CoreMachine] = []
    var processEnded: ((Int) -> Void)?
    /// Reads that were asked for: how far the group had applied by then.
    private var reads: [UInt64: LogIndex] = [:]
    private var nextRead: UInt64 = 0
    private(set) var readCount = 0
    /// The group as of the newest index that anybody has applied.
    private(set) var knownConfState = ConfState()

    // Checkers.
    private var leaders = LeaderChecker()
    private(set) var committed: CommittedLogChecker
    private var matching = LogMatchingChecker()
    var appliedOnce = AppliedOnceChecker()
    /// The state machine's chain at each index, as the first machine got it.
    private var chains: [UInt64]
    /// The group at each index.
    private var confStates: [ConfState]

    init(_ seed: Seed, _ options: Options, _ trace: Trace) {
        self.options = options
        stage = Stage(seed, options.world.network, trace)
        let term = Term(rawValue: 1)
        let first = LogIndex(rawValue: 1)
        let founders = (1...options.world.members).map { NodeID(rawValue: UInt64($0)) }
        committed = CommittedLogChecker([Entry(term: term, index: first)])
        chains = [0, 0]
        let snapshot = Snapshot(
            data: CoreMachine.bytes(0),
            confState: ConfState(voters: founders),
            index: first,
            term: term
        )
        knownConfState = snapshot.confState
        confStates = [ConfState(), snapshot.confState]
        for number in 1...(options.world.members + options.core.spares) {
            let isFounder = number <= options.world.members
            machines.append(
                CoreMachine(
                    NodeID(rawValue: UInt64(number)),
                    name: "n\(number)",
                    snapshot: isFounder ? snapshot : Snapshot(),
                    hardState: isFounder ? HardState(term: term, commit: first) : HardState()
                )
            )
            stage.addMachine(clock: options.world.clocks[number - 1])
        }
    }

    private var bugs: PlantedBugs { options.world.bugs }

    private func configuration(_ machine: CoreMachine, run: Int) -> RaftNode.Configuration {
        let core = options.core
        var configuration = RaftNode.Configuration(
            id: machine.id,
            log: machine.store,
            applied: machine.store.snapshot.index,
            asyncStorageWrites: core.asyncStorage,
            maxSizePerMessage: core.maxSizePerMessage,
            maxCommittedSizePerReady: core.maxApplyingSize,
            maxInflightMessages: core.maxInflightMessages,
            checkQuorum: core.checkQuorum,
            preVote: core.preVote,
            readOnly: core.leaseBasedReads ? .leaseBased : .safe,
            disableProposalForwarding: !core.forwardsProposals,
            stepDownOnRemoval: core.stepsDownOnRemoval,
            seed: stage.seed.value ^ machine.id.rawValue << 32 ^ UInt64(run)
        )
        configuration.plantedBugs = bugs
        return configuration
    }
}

// MARK: - Processes
extension CoreWorld {
    func restart(_ index: Int) {
        let machine = machines[index]
        guard !machine.isRunning else { return }
        stage.nextRun(of: index)
        let snapshot = machine.store.snapshot
        // The commit index on disk may be older than what was applied.
        machine.store.hardState.commit = max(machine.store.hardState.commit, snapshot.index)
        machine.restoreState()
        do {
            machine.node = try RaftNode(configuration(machine, run: stage.run(of: index)))
        } catch {
            return stage.report("nodes start again", "\(machine.name): \(error)")
        }
        stage.count(.start)
        stage.note(.start, index, snapshot.index.rawValue, machine.store.lastIndex.rawValue) {
            "starts, applied \(snapshot.index), log to \(machine.store.lastIndex)"
        }
        stage.report(appliedOnce.started(index, machine.name, at: machine.applied))
        checkGroup(index)
        let first = stage.generator.below(options.world.tick * 1_000) + 1
        stage.plan(for: index, in: first, isTick: true) { [unowned self] in tick(index) }
    }

    func crash(_ index: Int, tear: MemoryDisk.Tear) {
        let machine = machines[index]
        stage.nextRun(of: index)
        machine.node = nil
        // Of what was being written the first part may be there, without anybody having been told.
        let survivors =
            switch tear {
            case .nothing: 0
            case .everything: machine.appends.count
            case .sectors, .bytes: stage.generator.below(machine.appends.count + 1)
            }
        for write in machine.appends.prefix(survivors) { persist(write, index) }
        machine.appends = []
        stage.note(.end, index, UInt64(survivors)) {
            "ends, \(survivors) of its unsynced writes survive"
        }
    }

    private func tick(_ index: Int) {
        stage.note(.tick, index) { "tick" }
        update(index) { $0.tick() }
        let period = stage.duration(options.world.tick * 1_000, on: index)
        stage.plan(for: index, in: period, isTick: true) { [unowned self] in tick(index) }
    }

    /// Does something with a running node, and looks at what that has changed.
    func update(_ index: Int, _ body: (inout RaftNode) -> Void) {
        guard machines[index].node != nil else { return }
        let before = machines[index].node?.basicStatus.commit ?? .zero
        if var node = machines[index].node {
            machines[index].node = nil
            body(&node)
            machines[index].node = node
        }
        check(index, committedBefore: before)
        planTurn(index)
    }

    private func planTurn(_ index: Int) {
        let machine = machines[index]
        guard !machine.isTurnPlanned else { return }
        machine.isTurnPlanned = true
        stage.plan(for: index, in: 0) { [unowned self] in
            machine.isTurnPlanned = false
            turn(index)
        }
    }

    private func check(_ index: Int, committedBefore: LogIndex) {
        let machine = machines[index]
        guard let node = machine.node else { return }
        let status = node.basicStatus
        guard status.role == .leader else { return }
        switch leaders.note(machine.id, leads: status.term) {
        case .known: break
        case .first:
            stage.count(.leader)
            stage.note(.lead, index, status.term.rawValue) { "leads term \(status.term)" }
            stage.report(
                committed.check(
                    leader: machine.name,
                    of: status.term,
                    lastIndex: node.lastLogIndex
                ) { node.logTerm(at: $0) }
            )
        case .violation(let violation): stage.report(violation)
        }
        guard status.commit > committedBefore else { return }
        let term = node.logTerm(at: status.commit)
        stage.report(
            QuorumChecker.check(
                leader: machine.id,
                term: status.term,
                index: status.commit,
                entryTerm: term,
                node.status.configuration
            ) { id in
                machines[Int(id.rawValue) - 1].has(status.commit, term ?? .zero)
            }
        )
    }
}

// MARK: - Turns
extension CoreWorld {
    private func turn(_ index: Int) {
        let machine = machines[index]
        while machine.node != nil, let ready = machine.node?.ready() {
            for state in ready.readStates { answer(state, index) }
            if options.core.asyncStorage {
                // See `Ready`: a vote is asked for when the own one is on disk.
                let requests = ready.messages.filter { $0.kind == .vote }
                for var message in ready.messages where message.kind != .vote {
                    if message.kind == .storageAppend { message.responses += requests }
                    dispatch(message, index)
                }
                continue
            }
            var write = Message(
                kind: .storageAppend,
                entries: ready.entries,
                snapshot: ready.snapshot
            )
            if let state = ready.hardState {
                (write.term, write.vote, write.commit) = (state.term, state.vote, state.commit)
            }
            persist(write, index)
            for entry in ready.committedEntries { apply(entry, index) }
            for message in ready.messages { send(message, from: index) }
            let before = machine.node?.basicStatus.commit ?? .zero
            machine.node?.advance(ready)
            check(index, committedBefore: before)
        }
    }

    private func dispatch(_ message: Message, _ index: Int) {
        let machine = machines[index]
        switch message.to {
        case .localAppendThread:
            if let snapshot = message.snapshot { machine.skipUpTo = snapshot.index }
            machine.appends.append(message)
            if bugs.contains(.answersBeforeSync) {
                deliver(message.responses, index)
                machine.appends[machine.appends.count - 1].responses = []
            }
            append(index)
        case .localApplyThread:
            machine.applies.append(message)
            applyNext(index)
        default:
            send(message, from: index)
        }
    }

    /// The append thread: all that is queued in one go, then the next.
    private func append(_ index: Int) {
        let machine = machines[index]
        guard !machine.isAppending, !machine.appends.isEmpty else { return }
        machine.isAppending = true
        let count = machine.appends.count
        let delay = stage.diskDelay(options.world.syncDelay.micros, on: index)
        stage.plan(for: index, in: delay) { [unowned self] in
            machine.isAppending = false
            let messages = machine.appends.prefix(count)
            machine.appends.removeFirst(count)
            for message in messages { persist(message, index) }
            for message in messages { deliver(message.responses, index) }
            append(index)
        }
    }

    private func persist(_ message: Message, _ index: Int) {
        let machine = machines[index]
        var message = message
        if bugs.contains(.forgetsVote) { message.vote = .none }
        if let snapshot = message.snapshot { check(snapshot, index) }
        machine.persist(message)
        if let first = message.entries.first {
            let previous = try? machine.store.term(at: first.index - 1)
            stage.report(matching.note(message.entries, after: previous, by: machine.name))
        }
        stage.note(.sync, index, machine.store.lastIndex.rawValue, message.term.rawValue) {
            "has its log on disk to \(machine.store.lastIndex)"
        }
    }

    private func check(_ snapshot: Snapshot, _ index: Int) {
        appliedOnce.installed(index, at: snapshot.index)
        stage.count(.snapshotTaken)
        let chain = CoreMachine.number(snapshot.data)
        let position = Int(snapshot.index.rawValue)
        guard position >= chains.count || chains[position] != chain else { return }
        stage.report(
            AppliedStateChecker.name,
            "\(machines[index].name) installs a snapshot at \(snapshot.index) of another state"
        )
    }

    private func deliver(_ responses: [Message], _ index: Int) {
        for response in responses {
            if response.to == machines[index].id {
                update(index) { try? $0.step(response) }
            } else {
                send(response, from: index)
            }
        }
    }

    /// The apply thread: all that is queued in one go, then the next.
    private func applyNext(_ index: Int) {
        let machine = machines[index]
        guard !machine.isApplying, !machine.applies.isEmpty else { return }
        machine.isApplying = true
        let delay = stage.generator.within(options.core.applyDelay.micros)
        stage.plan(for: index, in: delay) { [unowned self] in
            machine.isApplying = false
            let messages = machine.applies
            machine.applies = []
            for message in messages {
                for entry in message.entries { apply(entry, index) }
                deliver(message.responses, index)
            }
            applyNext(index)
        }
    }

    private func apply(_ entry: Entry, _ index: Int) {
        let machine = machines[index]
        // A snapshot that is being installed holds this entry already, its changes included.
        if entry.index <= machine.skipUpTo || entry.index <= machine.applied { return }
        let term = machine.node?.basicStatus.term ?? .zero
        stage.report(committed.note(entry, appliedBy: machine.name, in: term))
        stage.report(appliedOnce.note(index, machine.name, entry.index))
        let durable = machine.durable
        stage.report(
            DurabilityChecker.check(applied: entry.index, by: machine.name, durable)
        )
        machine.applied = entry.index
        machine.chain = CoreMachine.link(machine.chain, entry)
        if let change = entry.confChange {
            update(index) { machine.confState = $0.apply(change) }
        }
        stage.note(.apply, index, entry.index.rawValue, machine.chain) {
            "applied \(entry.index), \(entry.kind)"
        }
        let position = Int(entry.index.rawValue)
        if position == chains.count {
            chains.append(machine.chain)
            confStates.append(machine.confState)
            knownConfState = machine.confState
        } else if position > chains.count || chains[position] != machine.chain {
            stage.report(
                AppliedStateChecker.name,
                "at index \(entry.index) \(machine.name) has another state than others"
            )
        }
        checkGroup(index)
    }

    /// At the same index all nodes know the same group.
    private func checkGroup(_ index: Int) {
        let machine = machines[index]
        let position = Int(machine.applied.rawValue)
        guard position > 0, position < confStates.count else { return }
        if machine.confState == confStates[position] { return }
        stage.report(
            "equal membership",
            "at index \(position) \(machine.name) has \(machine.confState), others"
                + " \(confStates[position])"
        )
    }
}

// MARK: - Network
extension CoreWorld {
    func send(_ message: Message, from index: Int) {
        let machine = machines[index]
        stage.report(DurabilityChecker.check(sent: message, by: machine.name, machine.durable))
        let to = Int(message.to.rawValue) - 1
        guard machines.indices.contains(to) else { return }
        let arrivals = stage.network.arrivals(
            from: index,
            to: to,
            isOnce: message.kind == .propose || message.kind == .snapshot,
            now: stage.now
        )
        if message.kind == .snapshot {
            // Who sends a state sends the newest: an older one may not know its receiver yet.
            var message = message
            message.snapshot = machine.currentSnapshot
            return sendSnapshot(message.encoded(), arrivals.0, from: index, to: to)
        }
        let bytes = message.encoded()
        guard let first = arrivals.0 else { return }
        stage.planArrival(at: to, in: first) { [unowned self] in receive(bytes, to) }
        guard let second = arrivals.1 else { return }
        stage.planArrival(at: to, in: second) { [unowned self] in receive(bytes, to) }
    }

    /// A snapshot takes its time, and its sender learns whether it has arrived.
    private func sendSnapshot(_ bytes: [UInt8], _ arrival: Int?, from index: Int, to: Int) {
        let delay = (arrival ?? 5_000) * 5
        let peer = machines[to].id
        stage.count(.snapshotSent)
        stage.planArrival(at: to, in: delay) { [unowned self] in
            let hasArrived = arrival != nil && machines[to].isRunning
            if hasArrived { receive(bytes, to) }
            stage.planArrival(at: index, in: 1_000) { [unowned self] in
                update(index) { $0.reportSnapshot(peer, failed: !hasArrived) }
            }
        }
    }

    private func receive(_ bytes: [UInt8], _ index: Int) {
        guard machines[index].isRunning else { return }
        do {
            let message = try Message(decoding: bytes)
            stage.note(
                .message,
                index,
                message.kind.rawValue << 32 | UInt64(message.entries.count),
                message.term.rawValue,
                message.index.rawValue
            ) { "receives from n\(message.from) \(message.summary)" }
            update(index) { try? $0.step(message) }
        } catch {
            stage.report("messages survive the wire", "\(error)")
        }
    }
}

// MARK: - Clients
extension CoreWorld {
    func propose(_ data: [UInt8], on index: Int) {
        update(index) { try? $0.propose(data) }
    }

    func propose(_ change: ConfChangeV2, on index: Int) {
        update(index) { try? $0.propose(change) }
    }

    func read(on index: Int) {
        guard machines[index].isRunning else { return }
        nextRead += 1
        reads[nextRead] = committed.lastIndex
        let context = CoreMachine.bytes(nextRead)
        update(index) { $0.readIndex(context: context) }
    }

    private func answer(_ state: ReadState, _ index: Int) {
        guard let floor = reads.removeValue(forKey: CoreMachine.number(state.context)) else {
            return
        }
        readCount += 1
        // Leases are as good as clocks, which are not good here.
        if options.core.leaseBasedReads || state.index >= floor { return }
        stage.report(
            RevisionChecker.name,
            "stale read: \(machines[index].name) may read at \(state.index), \(floor) was applied"
        )
    }
}
