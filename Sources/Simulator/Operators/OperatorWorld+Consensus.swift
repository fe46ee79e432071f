import Chance
import Operator
import Planning
import Raft
import Storage

// Consensus of simulated members, by whole rounds: terms, votes and logs are as in Raft, and on the
// disk; messages arrive at once or not at all.
extension OperatorWorld {
    private static let tick = 500_000
    /// After so long without a leader a member looks for another.
    private static let patience = 1_500_000

    /// Members go on as long as the world does.
    func beginBeating() {
        stage.plan(in: Self.tick) { [unowned self] in
            for process in processes.sorted(by: { $0.data < $1.data }) { beat(process) }
            checker.notices()
            beginBeating()
        }
    }

    private func beat(_ process: SimulatedProcess) {
        guard let replica = process.active else { return }
        if replica.isLeader {
            let heard = spread(replica)
            replica.missed = heard < replica.roster.quorum ? replica.missed + 1 : 0
            if replica.missed > 2, replica.isLeader { replica.leader = 0 }
        } else if stage.now - replica.heardAt > Self.patience + stage.generator.below(2_000_000) {
            replica.leader = 0
            campaign(replica)
        }
        guard process.active === replica, let leader = leader(of: replica),
            leader.roster.member(replica.id)?.name == "",
            !leader.pending.contains(.name(replica.id, process.name))
        else { return }
        _ = propose(.name(replica.id, process.name), to: leader)
    }

    // MARK: - Who hears whom

    private func process(of replica: Replica) -> SimulatedProcess? {
        processes.first { $0.replica === replica }
    }

    /// The running process of a member, if it and another hear each other.
    func partner(_ member: Roster.Member, of other: Replica) -> Replica? {
        guard !cutOff.contains(other.data), let process = process(of: other), !process.isStopped
        else { return nil }
        let found = processes.first { $0.peerURL == member.url && $0.active != nil }
        guard let replica = found?.active, replica.clusterID == other.clusterID,
            !cutOff.contains(replica.data)
        else { return nil }
        return replica.id == member.id ? replica : nil
    }

    func answers(_ member: Roster.Member, to leader: Replica) -> Bool {
        member.id == leader.id || partner(member, of: leader) != nil
    }

    /// Whom a member follows, if it can be reached.
    func leader(of replica: Replica) -> Replica? {
        if replica.isLeader { return replica }
        guard replica.leader != 0 else { return nil }
        let found = processes.compactMap(\.active).first { other in
            other.id == replica.leader && other.clusterID == replica.clusterID && other.isLeader
        }
        guard let found, let member = found.roster.member(replica.id),
            partner(member, of: found) === replica
        else { return nil }
        return found
    }

    /// A quorum confirms the leader that a member follows.
    func confirms(_ replica: Replica) -> Bool {
        guard let leader = leader(of: replica) else { return false }
        let heard = leader.roster.voters.count { member in
            member.id == leader.id || (partner(member, of: leader)?.term ?? .zero) == leader.term
        }
        return heard >= leader.roster.quorum
    }

    /// It takes part in what its quorum does.
    func isServing(_ id: UInt64) -> Bool {
        processes.contains { process in
            guard let replica = process.active, replica.id == id else { return false }
            return !process.isBusy(at: stage.now) && confirms(replica)
        }
    }

    /// It has a process, whatever that does.
    func runs(_ id: UInt64) -> Bool { processes.contains { $0.replica?.id == id } }

    /// The members as the one knows them that has come furthest.
    var newestRoster: Roster? {
        processes.compactMap(\.replica).filter(checker.isOfNewest)
            .max { $0.commit < $1.commit }?.roster
    }

    // MARK: - Writing

    /// What cannot be written ends the process.
    private func survives(_ replica: Replica, _ body: () throws(WALError) -> Void) -> Bool {
        guard let process = process(of: replica) else { return false }
        do throws(WALError) {
            if isFull {
                let path = replica.data
                throw .disk(DiskError(.noSpace, "write", path, reason: "no space left on device"))
            }
            try body()
            return true
        } catch {
            end(process, .code(isFull ? 76 : 74), "\(error)")
            return false
        }
    }

    /// The others will not have it any more.
    private func expel(_ replica: Replica) {
        guard let process = process(of: replica) else { return }
        end(process, .code(66), "the member has been permanently removed from the cluster")
    }

    /// A round of a leader: who hears it takes what it lacks. Returns how many voters heard it.
    @discardableResult
    func spread(_ leader: Replica) -> Int {
        var heard = 0
        var matching = 0
        for member in leader.roster.members {
            let isVoter = !member.isLearner
            if member.id == leader.id {
                heard += isVoter ? 1 : 0
                matching += isVoter ? 1 : 0
                continue
            }
            guard let peer = partner(member, of: leader) else { continue }
            if peer.roster.removed.contains(leader.id) {
                expel(leader)
                return 0
            }
            if peer.term > leader.term {
                let term = peer.term
                leader.leader = 0
                _ = survives(leader) { () throws(WALError) in try leader.promise(term) }
                return 0
            }
            if peer.term < leader.term {
                let term = leader.term
                guard survives(peer, { () throws(WALError) in try peer.promise(term) }) else {
                    continue
                }
            }
            peer.leader = leader.id
            peer.heardAt = stage.now
            heard += isVoter ? 1 : 0
            if stage.generator.chance(options.lag) { continue }
            guard catchUp(peer, with: leader) else { continue }
            matching += isVoter ? 1 : 0
            peer.commit(to: min(leader.commit, peer.lastIndex))
        }
        if matching >= leader.roster.quorum, leader.lastTerm == leader.term {
            leader.commit(to: leader.lastIndex)
        }
        if leader.roster.removed.contains(leader.id) { expel(leader) }
        return heard
    }

    private func catchUp(_ peer: Replica, with leader: Replica) -> Bool {
        var common = min(peer.lastIndex, leader.lastIndex)
        while common > 0, peer.log[common - 1].term != leader.log[common - 1].term { common -= 1 }
        let missing = Array(leader.log[common...])
        return missing.isEmpty
            || survives(peer) { () throws(WALError) in
                try peer.append(missing, decided: leader.commit)
            }
    }

    /// True when it is committed; else nobody knows.
    func propose(_ command: Command, to leader: Replica) -> Bool {
        guard survives(leader, { () throws(WALError) in try leader.append(command) }) else {
            return false
        }
        let (index, term) = (leader.lastIndex, leader.term)
        spread(leader)
        let isCommitted = leader.commit >= index && leader.log[index - 1].term == term
        // Followers learn of it now or later.
        if isCommitted, stage.generator.chance(0.5), leader.isLeader { spread(leader) }
        return isCommitted
    }

    /// One change of the members at a time, and only while they are well.
    func mayReconfigure(_ leader: Replica) throws(MemberError) {
        if leader.pending.contains(where: \.isReconfiguration) {
            throw MemberError(.notYet, "etcdserver: too many requests")
        }
        if leader.commit < leader.lastIndex, leader.lastTerm != leader.term {
            throw MemberError(.notYet, "etcdserver: not ready")
        }
    }

    // MARK: - Electing

    func campaign(_ candidate: Replica, isForced: Bool = false) {
        guard !candidate.isLearner, !candidate.roster.removed.contains(candidate.id) else {
            return askAround(candidate)
        }
        let peers = candidate.roster.voters.compactMap { partner($0, of: candidate) }
            .filter { $0.id != candidate.id }
        if peers.contains(where: { $0.roster.removed.contains(candidate.id) }) {
            return expel(candidate)
        }
        func isBehind(_ peer: Replica) -> Bool {
            (candidate.lastTerm, candidate.lastIndex) < (peer.lastTerm, peer.lastIndex)
        }
        let willing = peers.filter { peer in
            let hears = peer.leader != 0 && stage.now - peer.heardAt < Self.patience
            return !isBehind(peer) && (isForced || !hears)
        }
        guard willing.count + 1 >= candidate.roster.quorum else { return }
        let newest = (peers + [candidate]).map(\.term).max() ?? .zero
        let term = Term(rawValue: newest.rawValue + 1)
        let own = candidate.id
        guard
            survives(
                candidate,
                { () throws(WALError) in try candidate.promise(term, vote: own) }
            )
        else { return }
        var votes = 1
        for peer in peers {
            let grants = !isBehind(peer)
            let kept = survives(peer) { () throws(WALError) in
                try peer.promise(term, vote: grants ? own : 0)
            }
            guard kept else { continue }
            peer.leader = 0
            if grants { votes += 1 }
        }
        guard votes >= candidate.roster.quorum else { return }
        candidate.leader = own
        candidate.missed = 0
        note(.lead, "\(process(of: candidate)?.name ?? "?") leads in term \(term.rawValue)")
        guard survives(candidate, { () throws(WALError) in try candidate.append(.nothing) }) else {
            return
        }
        spread(candidate)
    }

    /// A learner, or one that was removed, can only hear that it was.
    private func askAround(_ replica: Replica) {
        let others = replica.roster.members.compactMap { partner($0, of: replica) }
        if replica.roster.removed.contains(replica.id)
            || others.contains(where: { $0.roster.removed.contains(replica.id) })
        {
            expel(replica)
        }
    }

    // MARK: - Starting

    /// What a member's program does first.
    func boot(_ process: SimulatedProcess) {
        let data = process.data
        // A file system that is lost between the operator's last look and this moment: nobody but
        // the member could notice, and it is taken to do so.
        if isHidden(data) { return end(process, .code(73), "no such file or directory") }
        if isUnreadable(data) { return end(process, .code(74), "input/output error") }
        if isFull { return end(process, .code(76), "no space left on device") }
        if strangePorts.contains(where: process.listens) {
            return end(process, .code(69), "bind: address already in use")
        }
        do {
            // Nobody begins a member by hand in a place that was empty by then.
            if process.parent == 0, try disk.status(Replica.folder(data)) == nil {
                return end(process, .code(1), "there is no log")
            }
            try disk.createDirectory(data + "/member")
            process.lock = try disk.lock(data + "/member/lock")
            if process.flags[DeclaredSettings.nonsense] != nil {
                let name = DeclaredSettings.nonsense
                return end(process, .code(64), "flag provided but not defined: -\(name)")
            }
            if try RetiredStamp.read(fromDataDirectory: data, on: disk) != nil {
                return end(process, .code(67), "the directory is retired")
            }
            let hasLog = try disk.status(Replica.folder(data)) != nil
            if !hasLog, try !begin(process) { return }
            guard try readsData(process) else {
                return end(process, .code(66), "the data is of another kind")
            }
            let replica = try Replica(data, on: disk)
            replica.isRotten = try disk.status(data + "/member/rot") != nil
            replica.heardAt = stage.now
            process.replica = replica
        } catch let error as WALError {
            let isDamage = if case .disk = error { false } else { true }
            end(process, .code(isDamage ? 65 : 74), "\(error)")
        } catch let error as DiskError {
            end(process, .code(error.kind == .locked ? 75 : 74), "\(error)")
        } catch {
            fatalError("unexpected: \(error)")
        }
    }

    /// No engine reads the other's data. What a restore has made is of the engine that it is for.
    private func readsData(_ process: SimulatedProcess) throws(DiskError) -> Bool {
        let mark = process.data + "/member/engine"
        guard try disk.status(mark) != nil else {
            try disk.replace(mark, with: Array(process.engine.utf8))
            return true
        }
        let owner = String(decoding: try disk.read(mark), as: UTF8.self)
        if owner == process.engine { return true }
        // Whoever starts a copy by hand may take the wrong program.
        if process.parent > 0 { checker.mixesEngines(process, owner) }
        return false
    }

    /// An empty directory: the flags say what becomes of it. False when the process has ended.
    private func begin(_ process: SimulatedProcess) throws -> Bool {
        let cluster = process.initialCluster
        if process.flags["initial-cluster-state"] == "new" {
            let identity = ExpectedIdentity(
                peerURLs: cluster.map(\.url),
                token: process.flags["initial-cluster-token"] ?? ""
            )
            let members = zip(identity.memberIDs, cluster)
                .map { (id: UInt64($0, radix: 16) ?? 0, name: $1.name, url: $1.url) }
                .sorted { $0.id < $1.id }
            guard let own = members.first(where: { $0.name == process.name }),
                let clusterID = UInt64(identity.clusterID, radix: 16)
            else {
                end(process, .code(64), "couldn't find local name")
                return false
            }
            checker.begins(own.id, of: clusterID, asOneOf: members.count)
            try Replica.create(
                process.data,
                id: own.id,
                clusterID: clusterID,
                members.flatMap { member in
                    [
                        .add(member.id, url: member.url, isLearner: false),
                        .name(member.id, member.name),
                    ]
                },
                on: disk
            )
            return true
        }
        let others = cluster.map(\.url).filter { $0 != process.peerURL }
        let peer = processes.first { other in
            others.contains(other.peerURL) && other.active?.leader ?? 0 != 0
                && !cutOff.contains(other.data)
        }
        guard let peer = peer?.active, !cutOff.contains(process.data) else {
            end(process, .code(1), "cannot fetch cluster info from peer urls")
            return false
        }
        guard Set(peer.roster.members.map(\.url)) == Set(cluster.map(\.url)),
            let own = peer.roster.members.first(where: { $0.url == process.peerURL })
        else {
            end(process, .code(1), "error validating peerURLs: member count is unequal")
            return false
        }
        checker.begins(own.id, of: peer.clusterID)
        try Replica.create(process.data, id: own.id, clusterID: peer.clusterID, [], on: disk)
        return true
    }
}
