import EtcdProto
import Keyspace
import Member
import Raft
import Storage

extension World {
    /// Looks at a member that has just taken a turn.
    func check(_ member: Member, _ index: Int, appliedBefore: LogIndex) {
        let name = machines[index].name
        if member.isLeader { checkLeader(member, name) }
        guard member.appliedIndex > appliedBefore else { return }
        stage.note(
            .apply,
            index,
            member.appliedIndex.rawValue,
            UInt64(bitPattern: member.keyspace.revision)
        ) { "applied \(member.appliedIndex), revision \(member.keyspace.revision)" }
        report(
            DurabilityChecker.check(
                applied: member.appliedIndex,
                by: name,
                machines[index].durable
            )
        )
        for entry in member.appliedEntries(after: appliedBefore) {
            let known = committed.lastIndex
            report(committed.note(entry, appliedBy: name, in: member.term))
            if committed.lastIndex > known { noteCommitted(entry) }
            if entry.kind == .normal, entry.data.isEmpty, entry.term == member.term,
                member.isLeader
            {
                noteLessor(member, index)
            }
            report(appliedOnce.note(index, name, entry.index))
        }
        report(applied.note(member.keyspace, of: name, index))
        report(leases.check(member.keyspace, of: name))
        report(memberships.note(member, of: name))
        if member.appliedIndex == committed.lastIndex, member.membership != knownMembership {
            knownMembership = member.membership
        }
    }

    /// Looks at a member that has just started: what it found must be what the others had there.
    func checkStart(_ member: Member, _ index: Int) {
        let name = machines[index].name
        applied.forget(index)
        let keyspace = member.keyspace
        report(applied.note(keyspace, of: name, index))
        report(applied.compareHash(of: keyspace, at: keyspace.revision, name))
        report(leases.check(keyspace, of: name))
        report(memberships.note(member, of: name))
        if let found = machines[index].found {
            report(matching.note(found.entries, after: found.marker.term, by: name))
        }
    }

    private func checkLeader(_ member: Member, _ name: String) {
        switch leaders.note(member.memberID.node, leads: member.term) {
        case .known:
            break
        case .first:
            let index = machines.firstIndex { $0.id == member.memberID } ?? -1
            stage.count(.leader)
            stage.note(.lead, index, member.term.rawValue) { "leads term \(member.term)" }
            report(
                committed.check(
                    leader: name,
                    of: member.term,
                    lastIndex: member.lastLogIndex
                ) { member.logTerm(at: $0) }
            )
        case .violation(let violation):
            report(violation)
        }
    }

    /// Stops all faults, and checks what must be true once all is quiet: every member has applied
    /// the same, holds the same, and nothing acknowledged is missing. False when it never got
    /// quiet.
    package func converges(within milliseconds: Int) -> Bool {
        drops = nil
        ambush = nil
        healNetwork()
        for index in machines.indices { restart(index) }
        // A new leader knows what is committed only when an entry of its own term is.
        let end = now + milliseconds
        var barrier = Answer<Int64>()
        while !barrier.isSuccess, now < end {
            run(atMost: end - now) { leader != nil || !violations.isEmpty }
            if let leader { barrier = put("barrier", "\(stage.now)", on: leader) }
            run(atMost: end - now) { barrier.result != nil || !violations.isEmpty }
            if !violations.isEmpty { return true }
        }
        let isQuiet = run(atMost: max(1, end - now)) { history.pending == 0 && isAlike }
        guard isQuiet, let leader else { return false }
        compareMembers(leader)
        return true
    }

    /// Whether all members have what the leader has.
    var isAlike: Bool {
        guard let leader, let member = machines[leader].member else { return false }
        return machines.indices.allSatisfy { isUpToDate($0, leader: leader, member) }
    }

    /// Whether a machine has all that the leader has, or need not have it.
    private func isUpToDate(_ index: Int, leader: Int, _ leading: Member) -> Bool {
        if !mustConverge(index, leader: leader) { return true }
        let member = machines[index].member
        return member?.appliedIndex == leading.committedIndex
            && member?.leader == leading.memberID
    }

    /// Whether who watches a machine's member must come to see everything there.
    func isCurrent(_ index: Int) -> Bool {
        leader.map { mustConverge(index, leader: $0) } ?? false
    }

    /// Machines that are gone need not, nor those whose member is not in the cluster any more.
    func mustConverge(_ index: Int, leader: Int) -> Bool {
        let machine = machines[index]
        guard !machine.isGone, let leading = machines[leader].member else { return false }
        return leading.membership.member(machine.id) != nil
    }

    /// Where every member is, in one line.
    var summary: String {
        let parts = machines.map { machine in
            guard let member = machine.member else {
                return machine.name + (machine.isGone ? " is gone" : " is down")
            }
            return "\(machine.name) follows \(member.leader) in term \(member.term), applied"
                + " \(member.appliedIndex) of \(member.committedIndex)"
        }
        return parts.joined(separator: "; ") + "; \(history.pending) requests open"
    }

    private func compareMembers(_ leader: Int) {
        guard let reference = machines[leader].member else { return }
        for index in machines.indices where mustConverge(index, leader: leader) {
            guard let member = machines[index].member else { continue }
            let name = machines[index].name
            let keyspace = member.keyspace
            report(applied.compareHash(of: keyspace, at: keyspace.revision, name))
            report(history.acknowledgedWrites.check(keyspace, of: name))
            if member.membership != reference.membership {
                stage.report(
                    MembershipChecker.name,
                    "\(name) has \(member.membership), the leader \(reference.membership)"
                )
            }
        }
    }
}
