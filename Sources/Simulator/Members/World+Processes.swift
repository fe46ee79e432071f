import Chance
import EtcdProto
import Keyspace
import Member
import Raft
package import Storage

// MARK: - Starting and ending
extension World {
    /// Starts the process of a machine; throws when the member refuses to start.
    package func start(_ index: Int, isReopening: Bool = false) throws {
        let machine = machines[index]
        stage.nextRun(of: index)
        pendingTurns[index] = false
        let taken = machine.taken
        try machine.start(at: now)
        guard let member = machine.member else { return }
        chronicle.follow(member.keyspace.leaseRules)
        stage.count(.start)
        stage.note(.start, index, member.appliedIndex.rawValue) {
            "starts, applied \(member.appliedIndex), log to \(machine.durable.lastIndex)"
        }
        report(appliedOnce.started(index, machine.name, at: member.appliedIndex))
        appliedOnce.persisted(index, upTo: member.appliedIndex)
        if let taken, member.appliedIndex == taken {
            stage.count(isReopening ? .snapshotOpened : .snapshotRecovered)
        }
        checkStart(member, index)
        planTick(index, in: stage.generator.below(options.tick * 1_000) + 1)
        openWatches(member, index)
        planBackend(index)
        wake(index)
        for other in machines.indices where other != index { connect(index, other) }
    }

    package func startAll() throws {
        for index in machines.indices where !isRunning(index) && !machines[index].isGone {
            try start(index)
        }
    }

    package func isRunning(_ index: Int) -> Bool {
        machines[index].member != nil
    }

    /// Starts a process that a fault had ended. What its disk makes of that ends it again; that a
    /// damaged log is refused is right; every other refusal is a violation.
    func restart(_ index: Int) {
        bringUp(index, isReopening: false)
    }

    func bringUp(_ index: Int, isReopening: Bool) {
        guard !isRunning(index), !machines[index].isGone else { return }
        do {
            try start(index, isReopening: isReopening)
        } catch StartError.log(.disk), StartError.disk, is DiskError {
            endProcess(index, "its disk fails at start")
        } catch StartError.backend(let error) where error.kind != .corrupted {
            endProcess(index, "its backend fails at start")
        } catch let damage as UnnoticedDamage {
            stage.report("damaged logs are noticed", "\(machines[index].name): \(damage)")
        } catch {
            if machines[index].isRotten {
                stage.note(.fault, index, 1) { "is lost: \(error)" }
                stage.count(.lostMember)
                machines[index].isGone = true
                endWatches(index, isSilent: false)
                machines[index].crash(.everything, seed: 0)
            } else {
                stage.report("members start again", "\(machines[index].name): \(error)")
            }
        }
    }

    /// The process is killed, or the machine loses power.
    package func crash(_ index: Int, tear: MemoryDisk.Tear = .everything) {
        breakOff(transfersOf: index, isSilent: tear != .everything)
        stage.nextRun(of: index)
        machines[index].crash(tear, seed: stage.generator.next())
        stage.note(.end, index, UInt64(bitPattern: Int64(tear.hashOrder))) {
            tear == .everything ? "is killed" : "loses power, keeping of the unsynced \(tear)"
        }
        history.processEnded(index)
        endWatches(index, isSilent: tear != .everything)
        for other in machines.indices where other != index {
            machines[other].member?.peerDisconnected(machines[index].id)
        }
    }

    /// The process ends itself, because of what its disk did.
    func endProcess(_ index: Int, _ why: String) {
        let isPowerLost = machines[index].disk.isCrashed
        stage.note(.fault, index, 2) { "ends: \(why)" }
        crash(index, tear: isPowerLost ? .sectors : .everything)
        processEnded?(index)
    }

    /// Takes a machine away for good.
    package func removeMachine(_ index: Int) {
        crash(index)
        machines[index].isGone = true
    }
}

extension MemoryDisk.Tear {
    fileprivate var hashOrder: Int {
        switch self {
        case .nothing: 0
        case .everything: 1
        case .sectors: 2
        case .bytes: 3
        }
    }
}

// MARK: - Turns
extension World {
    private func planTick(_ index: Int, in delay: Int) {
        machines[index].tickDue = stage.now + delay
        stage.plan(for: index, in: delay, isTick: true) { [unowned self] in tick(index) }
    }

    private func tick(_ index: Int) {
        let machine = machines[index]
        guard let member = machine.member else { return }
        stage.note(.tick, index) { "tick" }
        let period = tickPeriod(index)
        let delay = stage.now - machine.tickDue
        var missed = delay > period ? delay / period : 0
        if machine.countsPast { missed += stage.now / period }
        machine.countsPast = false
        if !machine.isReopening { member.tick(missed: missed) }
        wake(index)
        planTick(index, in: period)
    }

    private func tickPeriod(_ index: Int) -> Int {
        stage.duration(options.tick * 1_000, on: index)
    }

    /// Tells a member how many ticks are due that have not come; see `MemberLoop`.
    func noticeLateness(_ index: Int) {
        if options.bugs.contains(.alwaysLate) {
            machines[index].member?.noticeLateness(ticks: 1_000_000)
        }
        let delay = stage.now - machines[index].tickDue
        guard delay > 0 else { return }
        machines[index].member?.noticeLateness(ticks: delay / tickPeriod(index) + 1)
    }

    private func planBackend(_ index: Int) {
        let period = stage.duration(options.backendInterval * 1_000, on: index)
        stage.plan(for: index, in: period) { [unowned self] in
            machines[index].isBackendDue = true
            wake(index)
            planBackend(index)
        }
    }

    /// Has a member take a turn once all that happens at this moment has happened.
    package func wake(_ index: Int) {
        guard isRunning(index), !machines[index].isReopening, !pendingTurns[index] else { return }
        pendingTurns[index] = true
        stage.plan(for: index, in: 0) { [unowned self] in
            pendingTurns[index] = false
            turn(index)
        }
    }

    private func turn(_ index: Int) {
        let machine = machines[index]
        guard let member = machine.member, !machine.isReopening else { return }
        let before = member.appliedIndex
        noticeLateness(index)
        let turn = member.turn(backendDue: machine.isBackendDue)
        machine.isBackendDue = false
        check(member, index, appliedBefore: before)
        report(chronicle.check(turn.changes, of: machine.name))
        publish(turn.changes, member, index)
        if let log = turn.log {
            stage.note(.write, index, log.number, UInt64(log.batch.entries.count)) {
                "writes \(log.batch)"
            }
            leases.appended(log.batch.entries, on: index, at: stage.now)
            if let first = log.batch.entries.first {
                let previous = member.logTerm(at: first.index - 1)
                report(matching.note(log.batch.entries, after: previous, by: machine.name))
            }
            machine.enqueue(log.number, log.batch)
            if options.bugs.contains(.answersBeforeSync) {
                member.logged(log.number)
                wake(index)
            }
        }
        if let release = turn.releaseLogBefore {
            stage.count(.logCut)
            machine.enqueueRelease(before: release)
        }
        for message in turn.messages { send(message, from: index) }
        if turn.mustReopen { return reopen(index) }
        for message in turn.snapshots {
            sendSnapshot(message, from: index)
            if !isRunning(index) { return }
        }
        if let batch = turn.backend {
            let delay = stage.diskDelay(options.backendDelay.micros, on: index)
            stage.plan(for: index, in: delay) { [unowned self] in commit(batch, on: index) }
        }
        if turn.becameReady { readyMembers.append(index) }
        if turn.removedSelf {
            removedMembers.append(machine.id)
            memberRemoved?(index)
        }
        if turn.hasMore { wake(index) }
        write(index)
    }
}

// MARK: - Disks
extension World {
    /// Begins to write what is queued, unless a sync is under way.
    private func write(_ index: Int) {
        let machine = machines[index]
        while !machine.isWriting, machine.hasWork, isRunning(index), !machine.isReopening {
            do {
                switch try machine.beginWriting() {
                case .nothing:
                    return
                case .done(let number):
                    logged(number, index)
                case .needsSync:
                    if stage.generator.chance(options.inlineWrites) {
                        sync(index)
                    } else {
                        let delay = stage.diskDelay(options.syncDelay.micros, on: index)
                        stage.plan(for: index, in: delay) { [unowned self] in
                            sync(index)
                            write(index)
                        }
                    }
                }
            } catch {
                return endProcess(index, "\(error)")
            }
        }
    }

    private func sync(_ index: Int) {
        do {
            guard let number = try machines[index].sync() else { return }
            // What the log's second thread does when it gets to it.
            if stage.generator.chance(0.2) { machines[index].wal?.prepareSpare() }
            if machines[index].disk.isCrashed { return endProcess(index, "the power failed") }
            let end = machines[index].durable.lastIndex
            stage.note(.sync, index, number, end.rawValue) {
                "synced batch \(number), log to \(end)"
            }
            logged(number, index)
        } catch {
            endProcess(index, "\(error)")
        }
    }

    private func logged(_ number: UInt64, _ index: Int) {
        if !options.bugs.contains(.answersBeforeSync), !machines[index].isReopening {
            machines[index].member?.logged(number)
        }
        wake(index)
    }

    private func commit(_ batch: WriteBatch, on index: Int) {
        let machine = machines[index]
        guard let member = machine.member, let backend = machine.backend else { return }
        if let applied = batch.consistentIndex {
            report(
                DurabilityChecker.check(
                    committing: applied,
                    toBackendOf: machine.name,
                    machine.durable
                )
            )
        }
        do {
            try backend.commit(batch)
        } catch {
            return endProcess(index, "\(error)")
        }
        stage.note(.commit, index, batch.number) { "committed backend batch \(batch.number)" }
        if let applied = batch.consistentIndex { appliedOnce.persisted(index, upTo: applied) }
        if !machine.isReopening { member.committed(batch.number) }
        wake(index)
    }
}

extension WriteBatch {
    /// The last entry in it; nil when it applies none.
    fileprivate var consistentIndex: LogIndex? {
        for write in writes.reversed() where write.key == MetaKey.consistentIndex {
            guard let value = write.value else { continue }
            return LogIndex(rawValue: value.reduce(0) { $0 << 8 | UInt64($1) })
        }
        return nil
    }
}

extension ClosedRange<Int> {
    /// Milliseconds as microseconds.
    var micros: ClosedRange<Int> { (lowerBound * 1_000)...(upperBound * 1_000) }
}
