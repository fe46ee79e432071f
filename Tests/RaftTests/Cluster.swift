import Raft
import TestKit

/// A replica of the simulated cluster: a node, its log, which is all that survives a crash, and a
/// state machine that is rebuilt from snapshot and log.
final class Replica {
    let id: NodeID
    let log: MemoryLog
    let template: RaftNode.Configuration
    fileprivate(set) var raft: RaftNode
    fileprivate(set) var isUp = true
    /// The state machine: how far it is and in which group.
    fileprivate(set) var applied: LogIndex
    fileprivate(set) var confState: ConfState
    fileprivate var appendWork: [Message] = []
    fileprivate var applyWork: [Message] = []
    /// What the own threads have answered.
    fileprivate var inbox: [Message] = []

    init(_ template: RaftNode.Configuration) throws {
        self.template = template
        id = template.id
        log = template.log
        applied = log.snapshot.index
        confState = log.snapshot.confState
        raft = try RaftNode(template)
    }

    fileprivate func crash() {
        isUp = false
        appendWork = []
        applyWork = []
        inbox = []
    }

    fileprivate func restart(seed: UInt64) throws {
        var configuration = template
        configuration.seed = seed
        configuration.applied = log.snapshot.index
        applied = log.snapshot.index
        confState = log.snapshot.confState
        raft = try RaftNode(configuration)
        isUp = true
    }
}

/// Replicas and a network that loses, repeats and reorders, all decided by one seed. After every
/// step it looks for what must never be: two leaders of one term, different entries applied at one
/// index, a read that misses what was applied before it began.
final class Cluster {
    private(set) var violations: [String] = []
    private(set) var replicas: [Replica] = []
    private var generator: Generator
    private var network: [Message] = []
    /// Links that are cut, as pairs of positions.
    private var cuts: [(Int, Int)] = []
    private var lossRate = 0.05

    /// Everything applied anywhere, from index `base + 1` on.
    private(set) var history: [Entry] = []
    private let base: UInt64 = 10
    private var leaders: [Term: NodeID] = [:]
    /// For each read that is under way, the least index it may be answered with.
    private var reads: [[UInt8]: LogIndex] = [:]
    private(set) var readsAnswered = 0
    private var counter: UInt64 = 0
    private let changesMembership: Bool
    private let isAsync: Bool

    init(seed: Seed, isAsync: Bool, changesMembership: Bool) throws {
        generator = seed.generator()
        self.changesMembership = changesMembership
        self.isAsync = isAsync
        let count = changesMembership ? 5 : 3 + 2 * generator.below(2)
        let voters = (1...UInt64(changesMembership ? 3 : count)).map(NodeID.init)
        // Without both a removed node that does not know it disturbs the others for ever.
        let checkQuorum = changesMembership || generator.chance(0.5)
        let preVote = changesMembership || generator.chance(0.5)
        let smallMessages = generator.chance(0.5)
        let inflight = generator.chance(0.5) ? 3 : 256
        let stepDown = generator.chance(0.5)
        for raw in 1...UInt64(count) {
            let isMember = raw <= UInt64(voters.count)
            let start = Snapshot(
                confState: ConfState(voters: voters),
                index: LogIndex(rawValue: base),
                term: Term(rawValue: 1)
            )
            var configuration = RaftNode.Configuration(
                id: NodeID(rawValue: raw),
                log: MemoryLog(
                    snapshot: isMember ? start : Snapshot(),
                    hardState: isMember
                        ? HardState(term: start.term, commit: start.index) : HardState()
                ),
                applied: isMember ? start.index : .zero,
                electionTicks: 10,
                asyncStorageWrites: isAsync,
                maxSizePerMessage: smallMessages ? 40 : 1 << 20,
                seed: generator.next()
            )
            configuration.maxCommittedSizePerReady = smallMessages ? 60 : 1 << 20
            configuration.maxInflightMessages = inflight
            configuration.checkQuorum = checkQuorum
            configuration.preVote = preVote
            configuration.stepDownOnRemoval = stepDown
            replicas.append(try Replica(configuration))
        }
    }

    private func check(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition, violations.count < 10 { violations.append(message()) }
    }
}

// MARK: - Running
extension Cluster {
    /// The phase in which anything may happen.
    func disturb(steps: Int) throws {
        for step in 0..<steps where violations.isEmpty {
            try disturbOnce()
            if step % 200 == 0 { recut() }
        }
    }

    private func disturbOnce() throws {
        let replica = generator.pick(replicas)
        switch generator.below(1_000) {
        case 0..<1: replica.crash()
        case 1..<20: if !replica.isUp { try replica.restart(seed: generator.next()) }
        case 20..<70: if replica.isUp { replica.raft.tick() }
        case 70..<110: propose(on: replica)
        case 110..<130: read(on: replica)
        case 130..<133: if replica.isUp { compact(replica) }
        case 133..<134: if replica.isUp { transfer(from: replica) }
        case 134..<140: if replica.isUp, changesMembership { change(on: replica) }
        case 140..<141: if replica.isUp { replica.raft.forgetLeader() }
        case 141..<500: work(replica)
        default: deliverAny()
        }
    }

    /// Faults end; true when all members of the newest group agree on more than there was before.
    func converges(within rounds: Int) throws -> Bool {
        cuts = []
        lossRate = 0
        let target = base + UInt64(history.count) + 1
        for replica in replicas where !replica.isUp {
            try replica.restart(seed: generator.next())
        }
        for round in 0..<rounds where violations.isEmpty {
            for replica in replicas {
                replica.raft.tick()
                if round % 20 == 19 { propose(on: replica) }
            }
            for _ in 0..<8 {
                for replica in replicas { while work(replica) {} }
                let due = network
                network = []
                for message in due { deliver(message) }
            }
            let state = newestState
            let members = replicas.filter {
                (state.voters + state.votersOutgoing + state.learners).contains($0.id)
            }
            let newest = base + UInt64(history.count)
            if newest >= target, members.allSatisfy({ $0.applied.rawValue == newest }) {
                return true
            }
        }
        return false
    }

    private var newestState: ConfState {
        replicas.max { $0.applied < $1.applied }?.confState ?? ConfState()
    }

    private func recut() {
        cuts = []
        lossRate = generator.pick([0, 0.02, 0.2])
        guard generator.chance(0.6) else { return }
        // One side is cut off from the other, sometimes in one direction only.
        let side = replicas.indices.filter { _ in generator.chance(0.4) }
        let isOneWay = generator.chance(0.3)
        for inside in side {
            for outside in replicas.indices where !side.contains(outside) {
                cuts.append((inside, outside))
                if !isOneWay { cuts.append((outside, inside)) }
            }
        }
    }
}

// MARK: - Inputs
extension Cluster {
    private func propose(on replica: Replica) {
        guard replica.isUp else { return }
        let batch = (0...generator.below(3)).map { _ in
            counter += 1
            return Array("command \(counter)".utf8)
        }
        // A dropped proposal is nobody's fault.
        _ = try? replica.raft.propose(batch)
        observe(replica)
    }

    private func read(on replica: Replica) {
        guard replica.isUp else { return }
        counter += 1
        let context = Array("read \(counter)".utf8)
        reads[context] = LogIndex(rawValue: base + UInt64(history.count))
        replica.raft.readIndex(context: context)
        observe(replica)
    }

    private func transfer(from replica: Replica) {
        replica.raft.transferLeadership(to: generator.pick(replicas).id)
    }

    private func change(on replica: Replica) {
        let isJoint = !replica.confState.votersOutgoing.isEmpty
        if isJoint {
            _ = try? replica.raft.propose(ConfChangeV2())
            return
        }
        let kinds: [ConfChange.Kind] = [.addNode, .addNode, .removeNode, .addLearnerNode]
        // The first node stays, so that no change can remove all voters.
        let changes = (0...generator.below(3)).map { _ in
            ConfChangeV2.Single(
                kind: generator.pick(kinds),
                node: NodeID(rawValue: UInt64(2 + generator.below(replicas.count - 1)))
            )
        }
        if changes.count == 1, generator.chance(0.5) {
            let change = ConfChange(kind: changes[0].kind, node: changes[0].node)
            _ = try? replica.raft.propose(change)
        } else {
            let transition: ConfChangeV2.Transition =
                generator.pick([.auto, .jointImplicit, .jointExplicit])
            _ = try? replica.raft.propose(ConfChangeV2(transition: transition, changes: changes))
        }
    }

    private func compact(_ replica: Replica) {
        let log = replica.log
        guard replica.applied > log.snapshot.index, replica.applied <= log.lastIndex else { return }
        do throws(LogError) {
            try log.createSnapshot(
                index: replica.applied,
                confState: replica.confState,
                data: Array("state \(replica.applied)".utf8)
            )
            log.hardState.commit = max(log.hardState.commit, replica.applied)
            let kept = UInt64(generator.below(5))
            if replica.applied.rawValue >= log.firstIndex.rawValue + kept {
                try log.compact(to: replica.applied - kept)
            }
        } catch {
            check(false, "\(replica.id) cannot compact at \(replica.applied): \(error)")
        }
    }
}

// MARK: - Work
extension Cluster {
    /// One turn of a replica or of one of its threads; false when there is none to do.
    @discardableResult
    private func work(_ replica: Replica) -> Bool {
        guard replica.isUp else { return false }
        defer { observe(replica) }
        if !replica.inbox.isEmpty, generator.chance(0.5) {
            take(replica.inbox.removeFirst(), on: replica)
        } else if !replica.appendWork.isEmpty, generator.chance(0.4) {
            append(replica)
        } else if !replica.applyWork.isEmpty, generator.chance(0.4) {
            let message = replica.applyWork.removeFirst()
            apply(message.entries, on: replica)
            answer(message.responses, from: replica)
        } else if let ready = replica.raft.ready() {
            settle(ready, on: replica)
        } else {
            let queues = [replica.inbox, replica.appendWork, replica.applyWork]
            return queues.contains { !$0.isEmpty }
        }
        return true
    }

    private func settle(_ ready: consuming Ready, on replica: Replica) {
        for read in ready.readStates { answered(read) }
        if isAsync {
            for message in ready.messages {
                switch message.to {
                case .localAppendThread: replica.appendWork.append(message)
                case .localApplyThread: replica.applyWork.append(message)
                default: network.append(message)
                }
            }
            return
        }
        if crashes(replica) { return }
        if let state = ready.hardState {
            // A new commit index alone need not reach the disk.
            if ready.mustSync || generator.chance(0.5) { replica.log.hardState = state }
        }
        if let snapshot = ready.snapshot { install(snapshot, on: replica) }
        replica.log.append(ready.entries)
        if crashes(replica) { return }
        network += ready.messages
        if crashes(replica) { return }
        apply(ready.committedEntries, on: replica)
        replica.raft.advance(ready)
    }

    private func crashes(_ replica: Replica) -> Bool {
        if lossRate == 0 || !generator.chance(0.001) { return false }
        replica.crash()
        return true
    }

    private func append(_ replica: Replica) {
        let message = replica.appendWork.removeFirst()
        if message.term != .zero {
            replica.log.hardState = HardState(
                term: message.term,
                vote: message.vote,
                commit: message.commit
            )
        }
        if let snapshot = message.snapshot { install(snapshot, on: replica) }
        replica.log.append(message.entries)
        answer(message.responses, from: replica)
    }

    private func answer(_ responses: [Message], from replica: Replica) {
        for response in responses {
            if response.to == replica.id {
                replica.inbox.append(response)
            } else {
                network.append(response)
            }
        }
    }

    private func install(_ snapshot: Snapshot, on replica: Replica) {
        do throws(LogError) {
            try replica.log.apply(snapshot)
        } catch {
            check(false, "\(replica.id) cannot install \(snapshot.index): \(error)")
        }
        let commit = replica.log.hardState.commit
        replica.log.hardState.commit = max(commit, snapshot.index)
        replica.applied = snapshot.index
        replica.confState = snapshot.confState
        if snapshot.index.rawValue > base {
            let entry = history[Int(snapshot.index.rawValue - base) - 1]
            check(entry.term == snapshot.term, "the snapshot at \(entry.index) is of another log")
        }
    }

    private func apply(_ entries: [Entry], on replica: Replica) {
        for entry in entries where entry.index > replica.applied {
            check(entry.index == replica.applied + 1, "\(replica.id) skips to \(entry.index)")
            replica.applied = entry.index
            let place = Int(entry.index.rawValue - base) - 1
            if place == history.count {
                history.append(entry)
            } else if history[place] != entry {
                check(false, "\(replica.id) applies another entry at \(entry.index)")
            }
            guard let change = entry.confChange else { continue }
            replica.confState = replica.raft.apply(change)
            // A node takes only a snapshot in which it is a member.
            compact(replica)
        }
    }

    private func answered(_ read: ReadState) {
        guard let least = reads.removeValue(forKey: read.context) else { return }
        readsAnswered += 1
        check(read.index >= least, "a read sees \(read.index) and not \(least)")
    }

    private func observe(_ replica: Replica) {
        let status = replica.raft.basicStatus
        guard replica.isUp, status.role == .leader else { return }
        let known = leaders[status.term]
        check(known == nil || known == replica.id, "two leaders in term \(status.term)")
        leaders[status.term] = replica.id
    }
}

// MARK: - Network
extension Cluster {
    private func deliverAny() {
        guard !network.isEmpty else { return }
        // Mostly in order, so that something gets done.
        let place =
            generator.chance(0.8)
            ? min(generator.below(3), network.count - 1) : generator.below(network.count)
        let message = network[place]
        if !generator.chance(0.05) { network.remove(at: place) }
        if network.count > 500 { network.removeFirst(100) }
        deliver(message)
    }

    private func deliver(_ message: Message) {
        let (from, to) = (position(message.from), position(message.to))
        let isCut = cuts.contains { $0 == (from, to) }
        let arrives = replicas[to].isUp && !isCut && !generator.chance(lossRate)
        if message.kind == .snapshot, replicas[from].isUp {
            replicas[from].raft.reportSnapshot(message.to, failed: !arrives)
        }
        guard arrives else {
            if replicas[from].isUp, generator.chance(0.3) {
                replicas[from].raft.reportUnreachable(message.to)
            }
            return
        }
        do throws(WireError) {
            take(try Message(decoding: message.encoded()), on: replicas[to])
        } catch {
            check(false, "\(message.kind) cannot be decoded: \(error)")
        }
        observe(replicas[to])
    }

    private func take(_ message: Message, on replica: Replica) {
        do throws(StepError) {
            try replica.raft.step(message)
        } catch {
            switch error {
            case .peerNotFound, .proposalDropped: break
            case .localMessage, .malformed:
                check(false, "\(replica.id) refuses \(message.kind): \(error)")
            }
        }
    }

    private func position(_ id: NodeID) -> Int { Int(id.rawValue) - 1 }
}
