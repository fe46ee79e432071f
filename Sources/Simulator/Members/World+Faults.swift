import Chance
import EtcdProto
import Keyspace
import Member
import Raft
import Storage

extension World: Sabotaged {
    var machineCount: Int { machines.count }

    func isGone(_ index: Int) -> Bool {
        machines[index].isGone
    }

    func inject(_ fault: Fault, _ generator: inout Generator) -> Bool {
        switch fault {
        case .powerLossInSync, .failedSync, .fullDisk, .failedCommit:
            failDisk(fault, &generator)
        case .bitRot: rot(&generator)
        case .transfer: transfer(&generator)
        case .compaction: compact(&generator)
        case .reconfiguration: administrator?.reconfigure(&generator) ?? false
        case .snapshotCrash: lieInWait(&generator)
        default: false
        }
    }

    private func failDisk(_ fault: Fault, _ generator: inout Generator) -> Bool {
        let index = generator.below(machines.count)
        let count = generator.below(6)
        guard isRunning(index) else { return false }
        let machine = machines[index]
        switch fault {
        case .powerLossInSync: machine.disk.failPower(afterSyncs: count)
        case .failedSync: machine.disk.failSync(after: count)
        case .failedCommit: machine.rows.failures = [.ioFailure]
        case .fullDisk:
            machine.limitSpace(toMore: Int64(count) * 500)
            let time = generator.within(500...5_000)
            stage.plan(in: time * 1_000) { machine.freeSpace() }
        default: return false
        }
        stage.note(.fault, index, 20, UInt64(fault.position), UInt64(count)) {
            "will have a \(fault.rawValue) soon"
        }
        return true
    }

    /// Flips a bit of what is synced in the log of a member, while its process is down. Never with
    /// so many machines that no majority is left, and never in the last synced batch, of which
    /// damage cannot be told from a torn write.
    private func rot(_ generator: inout Generator) -> Bool {
        let index = generator.below(machines.count)
        let place = generator.next()
        let machine = machines[index]
        guard isRunning(index), !machine.isRotten, !machine.isWriting, !machine.isReopening,
            canLose(index),
            administrator?.isBusy != true, let spot = machine.spotToRot(place)
        else { return false }
        crash(index, tear: .everything)
        guard machine.damage(spot) else { return false }
        stage.note(.fault, index, 21, UInt64(spot.offset)) {
            "bit \(spot.bit) of byte \(spot.offset) of \(spot.path) is flipped"
        }
        processEnded?(index)
        return true
    }

    /// Whether those voters that are neither damaged nor gone are still a majority when this one is
    /// lost too, even if a change of the members that is under way makes them one fewer.
    func canLose(_ index: Int) -> Bool {
        let voters = knownMembership.voters
        let isLost = voters.filter { voter in
            guard let other = machines.firstIndex(where: { $0.id == voter.id }) else { return true }
            return other == index || machines[other].isGone || machines[other].isRotten
        }
        let reserve = administrator == nil ? 0 : 1
        return voters.count - isLost.count - reserve >= (voters.count + reserve) / 2 + 1
    }

    private func transfer(_ generator: inout Generator) -> Bool {
        let to = generator.below(machines.count)
        guard let leader, leader != to, let member = machines[leader].member else { return false }
        stage.note(.fault, leader, 22, UInt64(to)) {
            "is to hand over leadership to \(machines[to].name)"
        }
        member.transferLeadership(to: machines[to].id)
        wake(leader)
        return true
    }

    private func compact(_ generator: inout Generator) -> Bool {
        let index = generator.below(machines.count)
        let back = Int64(generator.below(60))
        guard let member = machines[index].member else { return false }
        let revision = member.keyspace.revision - back
        guard revision > max(1, member.keyspace.compactRevision) else { return false }
        stage.note(.fault, index, 23, UInt64(revision)) { "is to compact revision \(revision)" }
        var request = InternalRaftRequest()
        request.compaction.revision = revision
        member.propose(request) { _ in }
        wake(index)
        return true
    }
}
