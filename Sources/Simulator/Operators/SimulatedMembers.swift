import Chance
import Operator
import Planning

/// The members' API, as one run of the operator reaches it: answers are late, wrong or lost.
final class SimulatedMembers: Members, @unchecked Sendable {  // because one thread drives the world
    private unowned let world: OperatorWorld
    private let run: OperatorRun

    init(_ world: OperatorWorld, _ run: OperatorRun) {
        self.world = world
        self.run = run
    }

    /// All are asked at once. Each answer is of the moment at which it was given, so together they
    /// may tell of something that never was.
    func look(at urls: [String]) async -> [MemberLook] {
        var looks = urls.map { _ in MemberLook(probe: Probe(.unknown)) }
        var silent: Set<UInt64> = []
        var passed = 0
        let moments = urls.indices.map { (after: world.delayOfAnswer(), index: $0) }
        for (after, index) in moments.sorted(by: <) {
            await world.sleep(after - passed)
            passed = after
            looks[index] = look(at: urls[index])
            let standsStill = looks[index].probe.isWithinReach
            if standsStill, let id = world.listener(urls[index])?.replica?.id { silent.insert(id) }
        }
        run.said = Set(looks.filter(\.probe.isServing).compactMap(\.probe.memberID))
        world.checker.notices(run.said)
        run.silent = run.said.isEmpty ? silent : []
        let leaders = looks.filter { $0.probe.leaderID == $0.probe.memberID }
        let list = (leaders + looks).lazy.compactMap(\.list).first
        let voters = list?.entries.filter { !$0.isLearner }.compactMap { UInt64($0.id, radix: 16) }
        run.voters = Set(voters ?? [])
        return looks
    }

    private func look(at url: String) -> MemberLook {
        guard !run.isDead, let process = world.listener(url), process.replica != nil else {
            var probe = Probe(.unreachable, message: "connection refused")
            probe.isWithinReach = !run.isDead
            return MemberLook(probe: probe)
        }
        if world.isDeaf(process.data) {
            return MemberLook(probe: Probe(.unreachable, message: "timed out"))
        }
        guard let replica = process.active, !process.isBusy(at: world.stage.now) else {
            var probe = Probe(.unreachable, message: "no answer")
            probe.isWithinReach = true
            return MemberLook(probe: probe)
        }
        var probe = Probe(.noLeader, message: "it knows no leader")
        let isServing =
            replica.isLearner
            ? replica.leader != 0 : world.confirms(replica)
        if isServing != world.lies.contains(process.data) {
            let isFull = world.alarms.contains { $0.kind == .noSpace }
            probe = Probe(isFull ? .servingWithAlarm : .serving)
        }
        probe.clusterID = String(replica.clusterID, radix: 16)
        probe.memberID = String(replica.id, radix: 16)
        probe.leaderID = replica.leader == 0 ? nil : String(replica.leader, radix: 16)
        probe.revision = replica.story.revision
        probe.dbSize = world.sizes[process.data] ?? OperatorWorld.usualSize
        probe.dbSizeInUse = OperatorWorld.usualSize
        probe.version = "3.5.0"
        probe.isLearner = replica.isLearner
        probe.appliedIndex = UInt64(replica.applied)
        guard isServing, !replica.isLearner, let leader = world.leader(of: replica) else {
            return MemberLook(probe: probe)
        }
        return MemberLook(probe: probe, list: leader.list, alarms: world.alarms)
    }

    func list(from url: String) async throws(MemberError) -> MemberList {
        await world.delay()
        let replica = try voter(url)
        guard world.confirms(replica), let leader = world.leader(of: replica) else {
            throw MemberError(.notYet, "etcdserver: request timed out")
        }
        return leader.list
    }

    func addLearner(peerURL: String, through url: String) async throws(MemberError) -> String {
        let id = try await mutate(url) { (leader) throws(MemberError) in
            try world.mayReconfigure(leader)
            if leader.roster.members.contains(where: { $0.url == peerURL }) {
                throw MemberError(.refused, "etcdserver: Peer URLs already exists")
            }
            if leader.roster.members.contains(where: \.isLearner) {
                throw MemberError(.refused, "etcdserver: too many learner members in cluster")
            }
            let id = world.stage.generator.next() | 1
            try commit(.add(id, url: peerURL, isLearner: true), leader)
            world.checker.adds()
            return id
        }
        return String(id, radix: 16)
    }

    func remove(_ id: String, through url: String) async throws(MemberError) {
        try await mutate(url) { (leader) throws(MemberError) in
            try world.mayReconfigure(leader)
            guard let number = UInt64(id, radix: 16), let member = leader.roster.member(number)
            else { throw MemberError(.notFound, "etcdserver: member not found") }
            let others = leader.roster.voters.filter { $0.id != number }
            let healthy = others.count { world.answers($0, to: leader) }
            if !member.isLearner, healthy < others.count / 2 + 1 {
                throw MemberError(.notYet, "etcdserver: unhealthy cluster")
            }
            world.checker.removes(member, from: leader, run)
            try commit(.remove(number), leader)
        }
    }

    func promote(_ id: String, through url: String) async throws(MemberError) {
        try await mutate(url) { (leader) throws(MemberError) in
            try world.mayReconfigure(leader)
            guard let number = UInt64(id, radix: 16), let member = leader.roster.member(number)
            else { throw MemberError(.notFound, "etcdserver: member not found") }
            guard member.isLearner else {
                throw MemberError(.alreadyDone, "etcdserver: can only promote a learner member")
            }
            guard let replica = world.partner(member, of: leader),
                replica.lastIndex * 10 >= leader.lastIndex * 9
            else {
                let why = "etcdserver: can only promote a learner member which is in sync"
                throw MemberError(.notYet, why)
            }
            try commit(.promote(number), leader)
        }
    }

    func moveLeader(to id: String, from leader: String) async throws(MemberError) {
        try await mutate(leader) { (replica) throws(MemberError) in
            guard let number = UInt64(id, radix: 16), let heir = replica.roster.member(number),
                let next = world.partner(heir, of: replica)
            else { throw MemberError(.notYet, "etcdserver: bad leader transferee") }
            if replica.isLeader { world.checker.deposes(replica, run) }
            _ = world.spread(replica)
            world.campaign(next, isForced: true)
        }
    }

    func hash(
        at revision: Int64,
        of url: String
    ) async throws(MemberError) -> HashComparison.Answer {
        await world.delay()
        let replica = try voter(url)
        guard let hash = replica.hash(at: revision) else {
            throw MemberError(.notYet, "mvcc: required revision is a future revision")
        }
        return HashComparison.Answer(hash: hash, compactRevision: 0)
    }

    func compact(to revision: Int64, through url: String) async throws(MemberError) {
        // It goes on beside the passes, whatever they decide meanwhile.
        try await mutate(url, isAside: true) { _ throws(MemberError) in world.isCompacted = true }
    }

    /// A member that does it answers nobody meanwhile, whoever waits for it.
    func defragment(_ url: String) async throws(MemberError) {
        await world.delay()
        let replica = try voter(url)
        guard let process = world.listener(url) else { return }
        world.checker.defragments(replica, run)
        let time = world.stage.generator.within(10_000...4_000_000)
        process.busyUntil = world.stage.now + time
        let isOfUse = world.isCompacted
        world.stage.plan(in: time) { [world] in
            if isOfUse, process.replica != nil { world.sizes[process.data] = nil }
        }
        if world.losesAnswer { throw MemberError(.unclear, "the answer was lost") }
        await world.sleep(time)
        if run.isDead { throw MemberError(.unclear, "the operator is no more") }
    }

    func disarm(_ alarm: Alarm, through url: String) async throws(MemberError) {
        try await mutate(url) { _ throws(MemberError) in
            world.alarms.removeAll { $0 == alarm }
        }
    }

    func settle(through url: String) async throws(MemberError) {
        try await mutate(url, isAside: true) { (leader) throws(MemberError) in
            try commit(.nothing, leader)
        }
    }

    func close() async {}

    // MARK: -

    private func voter(_ url: String) throws(MemberError) -> Replica {
        guard !run.isDead, let process = world.listener(url), let replica = process.active,
            !world.isDeaf(process.data), !process.isBusy(at: world.stage.now)
        else { throw MemberError(.notYet, "connection refused") }
        return replica
    }

    /// Whoever asks for a change may not learn what became of it.
    private func mutate<Result>(
        _ url: String,
        isAside: Bool = false,
        _ body: (Replica) throws(MemberError) -> Result
    ) async throws(MemberError) -> Result {
        await world.delay()
        let replica = try voter(url)
        guard let leader = world.leader(of: replica), world.confirms(replica) else {
            throw MemberError(.notYet, "etcdserver: no leader")
        }
        if world.losesQuestion {
            throw MemberError(.unclear, "the question was lost")
        }
        if !isAside { world.checker.changes() }
        let result = try body(leader)
        if world.losesAnswer { throw MemberError(.unclear, "the answer was lost") }
        await world.delay()
        if run.isDead { throw MemberError(.unclear, "the operator is no more") }
        return result
    }

    private func commit(_ command: Command, _ leader: Replica) throws(MemberError) {
        guard world.propose(command, to: leader) else {
            throw MemberError(.unclear, "etcdserver: request timed out")
        }
    }
}

extension Replica {
    var list: MemberList {
        MemberList(
            clusterID: String(clusterID, radix: 16),
            entries: roster.members.map { member in
                MemberList.Entry(
                    id: String(member.id, radix: 16),
                    name: member.name,
                    isLearner: member.isLearner,
                    peerURLs: [member.url]
                )
            }
        )
    }
}
