import Chance
import EtcdProto
import Keyspace
import Member
import Raft
import Storage

// What `MemberLoop+Snapshots`, `SnapshotTransfer` and `SnapshotReceiver` do around a member. The
// connection is like TCP: what is lost is sent again, and when nothing gets through for long, or
// one side's process ends, it breaks, which both sides learn on their own.

// MARK: - Sending
extension World {
    /// After so long a connection through which nothing goes is given up.
    private static let patience = 5_000_000

    /// A follower needs more than the log has.
    func sendSnapshot(_ message: Message, from index: Int) {
        guard let member = machines[index].member else { return }
        stage.count(.snapshotOrdered)
        stage.note(.snapshot, index, message.to.rawValue) {
            "is to send a snapshot to member \(message.to)"
        }
        let peer = MemberID(rawValue: message.to.rawValue)
        guard let to = machines.firstIndex(where: { $0.id == peer }),
            let view = try? machines[index].backend?.openView()
        else {
            member.snapshotSent(to: peer, failed: true)
            return wake(index)
        }
        let transfer = Transfer(message, from: index, to: to, member)
        transfers.append(transfer)
        guard reaches(.ordered, index) else { return }
        let delay = stage.diskDelay(options.backendDelay.micros, on: index)
        stage.plan(for: index, in: delay) { [unowned self] in seal(transfer, view) }
    }

    /// Copies the rows into a file.
    private func seal(_ transfer: Transfer, _ view: any BackendView) {
        guard transfer.isSending else { return }
        let machine = machines[transfer.from]
        let isForgetful = options.bugs.contains(.forgetsConfState)
        let rows = isForgetful ? ForgetfulView(view, remembering: founders) : view
        defer { view.close() }
        do {
            let file = try machine.createSpoolFile()
            transfer.file = file
            let summary = try SnapshotFile.write(rows, to: file)
            let members = try Membership(restoring: rows).v2Store
            transfer.message.snapshot = summary.snapshot(data: members)
            transfer.size = summary.size
            report(
                applied.compareHash(
                    of: transfer.sender.keyspace,
                    at: summary.revision,
                    machine.name
                )
            )
        } catch {
            stage.note(.snapshot, transfer.from) { "cannot write a snapshot: \(error)" }
            return tell(transfer, hasFailed: true)
        }
        stage.count(.snapshotSent)
        stage.note(
            .snapshot,
            transfer.from,
            UInt64(transfer.to),
            transfer.message.snapshot?.index.rawValue ?? 0
        ) { "sends \(machines[transfer.to].name) \(transfer.message.summary)" }
        transfer.progress = .sending
        guard reaches(.sealed, transfer.from) else { return }
        sendPiece(transfer)
    }

    private func sendPiece(_ transfer: Transfer) {
        guard transfer.isSending, reaches(.sending, transfer.from) else { return }
        let arrival = stage.network.arrivals(
            from: transfer.from,
            to: transfer.to,
            isOnce: true,
            now: stage.now
        ).0
        guard stage.network.areConnected(transfer.from, transfer.to) else {
            return breakOff(transfer, after: Self.patience)
        }
        guard let arrival else {
            if stage.generator.chance(0.2) { return breakOff(transfer, after: Self.patience) }
            return stage.planArrival(at: transfer.from, in: 200_000) { [unowned self] in
                sendPiece(transfer)
            }
        }
        let offset = transfer.offset
        guard let bytes = try? transfer.file?.read(at: offset, count: options.pieceBytes) else {
            return breakOff(transfer, after: 0)
        }
        transfer.offset += Int64(bytes.count)
        stage.planArrival(at: transfer.to, in: arrival) { [unowned self] in
            receive(bytes, at: offset, transfer)
        }
    }

    /// The sender learns how it went.
    private func tell(_ transfer: Transfer, hasFailed: Bool) {
        transfer.progress = .over
        transfers.removeAll { $0 === transfer }
        let machine = machines[transfer.from]
        guard machine.member === transfer.sender else { return }
        if let file = transfer.file { machine.discard(file) }
        stage.note(.snapshot, transfer.from, UInt64(transfer.to), hasFailed ? 1 : 0) {
            "hears that its snapshot has \(hasFailed ? "failed" : "arrived")"
        }
        transfer.sender.snapshotSent(to: machines[transfer.to].id, failed: hasFailed)
        wake(transfer.from)
    }

    // MARK: Breaking

    /// A process ends. Who was connected hears of it at once from a system that lives on, and from
    /// a silent machine nothing.
    func breakOff(transfersOf index: Int, isSilent: Bool) {
        for transfer in transfers where transfer.from == index || transfer.to == index {
            switch transfer.progress {
            // Not connected yet; and who has all of it goes on without the sender.
            case .sealing where transfer.from != index, .loading where transfer.to != index: break
            case .over: break
            default: breakOff(transfer, after: isSilent ? Self.patience : 1_000)
            }
        }
    }

    private func breakOff(_ transfer: Transfer, after delay: Int) {
        if case .sealing = transfer.progress {} else { stage.count(.snapshotCutOff) }
        transfer.progress = .over
        stage.note(.snapshot, transfer.to) {
            "is cut off from a snapshot at byte \(transfer.offset) of \(transfer.size)"
        }
        stage.planArrival(at: transfer.to, in: delay) { [unowned self] in release(transfer) }
        stage.planArrival(at: transfer.from, in: delay) { [unowned self] in
            tell(transfer, hasFailed: true)
        }
    }
}

// MARK: - Receiving
extension World {
    private func receive(_ bytes: [UInt8], at offset: Int64, _ transfer: Transfer) {
        guard transfer.isSending else { return }
        let machine = machines[transfer.to]
        guard let member = machine.member, !machine.isReopening,
            offset == 0 || machine.receiving === transfer
        else { return breakOff(transfer, after: 1_000) }
        if offset == 0 {
            let sender = machines[transfer.from].id
            guard machine.receiving == nil, machine.taken == nil,
                !member.membership.isRemoved(sender), let file = try? machine.createSpoolFile()
            else {
                stage.count(.snapshotRefused)
                return answer(transfer, isTaken: false)
            }
            machine.receiving = transfer
            transfer.received = file
            do {
                transfer.message = try Message(decoding: transfer.message.encoded())
            } catch {
                return stage.report("messages survive the wire", "\(error)")
            }
            if !member.isNews(transfer.message) { transfer.progress = .wasting(isTaken: true) }
        }
        if case .sending = transfer.progress {
            do {
                try transfer.received?.write(bytes, at: offset)
            } catch {
                transfer.progress = .wasting(isTaken: false)
            }
        }
        guard reaches(.receiving, transfer.to) else { return }
        if transfer.offset < transfer.size {
            stage.planArrival(at: transfer.from, in: 500) { [unowned self] in
                sendPiece(transfer)
            }
        } else {
            finish(transfer)
        }
    }

    /// All of it has arrived.
    private func finish(_ transfer: Transfer) {
        if case .wasting(let isTaken) = transfer.progress {
            stage.count(isTaken ? .snapshotUnwanted : .snapshotRefused)
            return answer(transfer, isTaken: isTaken)
        }
        transfer.progress = .loading
        guard reaches(.received, transfer.to) else { return }
        let delay = stage.diskDelay(options.backendDelay.micros, on: transfer.to)
        stage.plan(for: transfer.to, in: delay) { [unowned self] in load(transfer) }
    }

    private func load(_ transfer: Transfer) {
        let machine = machines[transfer.to]
        guard let file = transfer.received, let snapshot = transfer.message.snapshot else { return }
        do {
            try machine.store.prepare(file, as: snapshot)
        } catch {
            if machine.disk.isCrashed { return endProcess(transfer.to, "the power failed") }
            stage.note(.snapshot, transfer.to) { "cannot load a snapshot: \(error)" }
            stage.count(.snapshotRefused)
            return answer(transfer, isTaken: false)
        }
        guard reaches(.loaded, transfer.to) else { return }
        let delay = stage.generator.below(5_000)
        stage.plan(for: transfer.to, in: delay) { [unowned self] in install(transfer) }
    }

    /// The rows are durable: Raft is asked.
    private func install(_ transfer: Transfer) {
        let machine = machines[transfer.to]
        guard let member = machine.member, !machine.isReopening else { return }
        let isTaken = member.install(transfer.message)
        stage.note(.snapshot, transfer.to, isTaken ? 1 : 0) {
            "\(isTaken ? "takes" : "does not take") \(transfer.message.summary)"
        }
        if isTaken {
            stage.count(.snapshotTaken)
            machine.taken = transfer.message.snapshot?.index
        } else {
            stage.count(.snapshotUnwanted)
            do {
                try machine.store.discard()
            } catch {
                return endProcess(transfer.to, "\(error)")
            }
        }
        answer(transfer, isTaken: true)
        wake(transfer.to)
        _ = reaches(.taken, transfer.to)
    }

    private func answer(_ transfer: Transfer, isTaken: Bool) {
        release(transfer)
        transfer.progress = .over
        let arrival = stage.network.arrivals(
            from: transfer.to,
            to: transfer.from,
            isOnce: true,
            now: stage.now
        ).0
        stage.planArrival(at: transfer.from, in: arrival ?? Self.patience) { [unowned self] in
            tell(transfer, hasFailed: arrival == nil || !isTaken)
        }
    }

    /// Makes room for another one.
    private func release(_ transfer: Transfer) {
        let machine = machines[transfer.to]
        guard machine.receiving === transfer else { return }
        machine.receiving = nil
        if let file = transfer.received { machine.discard(file) }
    }

    // MARK: Opening anew

    /// The log begins with a snapshot: closes the files and opens them again.
    func reopen(_ index: Int) {
        let machine = machines[index]
        machine.member?.abandon()
        machine.isReopening = true
        // Rows and marker are durable: the member has promised to be at this index.
        if let taken = machine.taken { appliedOnce.persisted(index, upTo: taken) }
        guard reaches(.marked, index) else { return }
        let delay = stage.diskDelay(options.syncDelay.micros, on: index)
        stage.plan(for: index, in: delay) { [unowned self] in
            machine.member?.abandon()
            do {
                try machine.finishWriting()
            } catch {
                // What was not written is as if it had never been queued: nobody was told of it.
                if machine.disk.isCrashed { return endProcess(index, "the power failed") }
            }
            guard reaches(.closed, index) else { return }
            breakOff(transfersOf: index, isSilent: false)
            history.processEnded(index)
            let taken = machine.taken
            machine.close()
            bringUp(index, isReopening: true)
            guard let member = machine.member else { return }
            if let taken, member.appliedIndex != taken {
                stage.report(
                    "a snapshot that was taken is there",
                    "\(machine.name) took one at \(taken) and was opened at"
                        + " \(member.appliedIndex)"
                )
            }
            _ = reaches(.opened, index)
        }
    }
}

// MARK: - Ambushes
extension World {
    /// Waits for some machine to get to some moment of a snapshot's way.
    func lieInWait(_ generator: inout Generator) -> Bool {
        let moment = generator.pick(Ambush.Moment.allCases)
        let pieces = generator.below(8)
        let fates: [Ambush.Fate] = [
            .crash(generator.pick(MemoryDisk.Tear.allCases)),
            .powerLossInSync(generator.below(6)),
            .failedSync(generator.below(6)),
            .fullDisk(Int64(generator.below(60_000))),
        ]
        let isImpatient = generator.chance(0.3)
        let fate = fates[generator.pick([0, 0, 1, 1, 2, 3])]
        guard ambush == nil || isImpatient else { return false }
        let isPiece = moment == .sending || moment == .receiving
        ambush = Ambush(
            moment: moment,
            count: isPiece ? pieces : 0,
            fate: fate
        )
        return false
    }

    /// A machine gets to this moment; false when its process ends there.
    func reaches(_ moment: Ambush.Moment, _ index: Int) -> Bool {
        guard ambush?.moment == moment, let fate = ambush?.fate else { return true }
        if let count = ambush?.count, count > 0 {
            ambush?.count = count - 1
            return true
        }
        ambush = nil
        stage.faultCounts[.snapshotCrash] += 1
        stage.note(.fault, index, 40) { "meets with \(fate) when a snapshot is \(moment)" }
        let disk = machines[index].disk
        switch fate {
        case .crash(let tear):
            crash(index, tear: tear)
            processEnded?(index)
            return false
        case .powerLossInSync(let count): disk.failPower(afterSyncs: count)
        case .failedSync(let count): disk.failSync(after: count)
        case .fullDisk(let bytes):
            machines[index].limitSpace(toMore: bytes)
            stage.plan(in: 3_000_000) { [unowned self] in machines[index].freeSpace() }
        }
        return true
    }

    /// Raft's group when the cluster was founded.
    var founders: ConfState {
        ConfState(voters: machines.prefix(options.members).map(\.id.node).sorted())
    }
}
