import Chance
import EtcdProto
import Keyspace
import Member

/// Changes who belongs to a cluster, one change at a time, as an operator of it would: it never
/// asks for a change after which the members that still work are no majority.
final class Administrator {
    private unowned let world: World
    private let membersMax: Int
    /// A change was asked for, and what became of it is not known.
    private(set) var isBusy = false
    private var added = 0

    init(_ world: World) {
        self.world = world
        membersMax = min(7, world.options.members + 2)
    }

    /// Asks for some change; false when there is none to ask for now.
    func reconfigure(_ generator: inout Generator) -> Bool {
        let choice = generator.below(4)
        let position = generator.next()
        guard !isBusy, let leader = world.leader, let member = world.machines[leader].member else {
            return false
        }
        let members = world.knownMembership.members
        // Mostly asked of the leader: only it knows who has caught up.
        if let learner = members.first(where: \.isLearner), choice < 3 {
            return promote(learner, member, leader)
        }
        if members.count < membersMax, choice < 2 || members.count == 1 {
            return add(isLearner: choice == 0, member, leader)
        }
        let victim = members[Int(position % UInt64(members.count))]
        return remove(victim, member, leader)
    }

    private func promote(_ learner: MemberInfo, _ member: Member, _ leader: Int) -> Bool {
        begin(leader, 30, "is asked to promote \(learner.id)")
        member.promoteMember(learner.id) { [unowned self] in
            end($0.map { _ in }, .memberPromoted)
        }
        world.wake(leader)
        return true
    }

    private func add(isLearner: Bool, _ member: Member, _ leader: Int) -> Bool {
        guard world.machines.count < 16 else { return false }
        added += 1
        let name = "a\(added)"
        let url = "http://\(name):2380"
        let seconds = Int64(world.now / 1_000)
        let id = InitialCluster.memberID(
            peerURLs: [url],
            token: World.token,
            addedAtUnixSeconds: seconds
        )
        let index = world.addMachine(name, id)
        startOnceKnown(index)
        begin(leader, 31, "is asked to add \(isLearner ? "learner" : "voter") \(name)")
        member.addMember(
            peerURLs: [url],
            isLearner: isLearner,
            token: World.token,
            unixSeconds: seconds
        ) { [unowned self] in end($0.map { _ in }, .memberAdded) }
        world.wake(leader)
        return true
    }

    private func remove(_ victim: MemberInfo, _ member: Member, _ leader: Int) -> Bool {
        let voters = world.knownMembership.voters
        let machine = world.machines.firstIndex { $0.id == victim.id }
        let isLost = machine.map { world.machines[$0].isGone || world.machines[$0].isRotten }
        if !victim.isLearner, voters.count < 2 { return false }
        if !victim.isLearner, isLost != true, let machine, !world.canLose(machine) { return false }
        begin(
            leader,
            32,
            "is asked to remove \(victim.name.isEmpty ? "\(victim.id)" : victim.name)"
        )
        member.removeMember(victim.id) { [unowned self] in
            end($0.map { _ in }, .memberRemoved)
        }
        world.wake(leader)
        return true
    }

    private func begin(_ leader: Int, _ code: UInt64, _ what: String) {
        isBusy = true
        world.stage.note(.fault, leader, code) { what }
        // The process that was asked may die with the answer.
        world.stage.plan(in: 12_000_000) { [unowned self] in isBusy = false }
    }

    private func end(_ result: Swift.Result<Void, EtcdError>, _ change: Occasion) {
        world.stage.note(.fault, -1, 33) {
            switch result {
            case .success: "the change of members is done"
            case .failure(let error): "the change of members: \(error)"
            }
        }
        if case .success = result {
            world.stage.count(change)
            isBusy = false
        }
        // What failed may have been refused at once, or may still be under way.
        if case .failure(let error) = result, !error.message.contains("timed out") {
            isBusy = false
        }
    }

    /// A new member's machine is started when the cluster knows of it, however late that is.
    private func startOnceKnown(_ index: Int) {
        world.stage.plan(in: 200_000) { [unowned self] in
            let id = world.machines[index].id
            if world.knownMembership.member(id) != nil {
                world.restart(index)
            } else if !world.knownMembership.isRemoved(id) {
                startOnceKnown(index)
            }
        }
    }
}
