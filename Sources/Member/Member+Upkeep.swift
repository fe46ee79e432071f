import EtcdProto
import Logging
import Raft

/// What a member has yet to do of its own accord.
struct Upkeep {
    enum Publication {
        case needed
        case underWay
        case done
    }

    /// Own name and client URLs, to be put into the log once after each start.
    var publication = Publication.needed
    var versionIsUnderWay = false
    /// When the members' versions are compared next.
    var versionCheckDue: Tick = 0

    /// A new leader has the versions compared at once.
    mutating func leaderChanged() {
        versionCheckDue = 0
    }
}

extension Member {
    /// Looked at in every turn; nothing of it is worth a timer of its own.
    func tendUpkeep() {
        campaignIfAlone()
        guard knownLeader != .none else { return }
        publish()
        decideClusterVersion()
    }

    /// The only voter need not wait for an election timeout: there is nobody to hear from. What is
    /// committed must be applied first, for it may add others.
    private func campaignIfAlone() {
        let status = raft.basicStatus
        guard status.role == .follower, status.leader == .none, applyQueue.isEmpty,
            appliedIndex == status.commit, confState.voters == [raft.id]
        else { return }
        raft.campaign()
    }

    /// Tells the cluster this member's name and client URLs. The member serves from when that has
    /// come back through the log: it has then caught up and can write.
    private func publish() {
        guard upkeep.publication == .needed,
            membership.member(configuration.memberID) != nil
        else { return }
        upkeep.publication = .underWay
        var request = InternalRaftRequest()
        request.clusterMemberAttrSet.memberID = configuration.memberID.rawValue
        request.clusterMemberAttrSet.memberAttributes.name = configuration.name
        request.clusterMemberAttrSet.memberAttributes.clientUrls = configuration.clientURLs
        propose(request) { [weak self] result in
            guard let self else { return }
            guard case .success = result else {
                upkeep.publication = .needed
                return
            }
            upkeep.publication = .done
            output.becameReady = true
        }
    }

    /// As leader, raises the cluster's version to the lowest of its members'. Before the first
    /// decision a member that does not answer holds the version at etcd's lowest, 3.0.0.
    private func decideClusterVersion() {
        guard isLeader, !upkeep.versionIsUnderWay, now >= upkeep.versionCheckDue else { return }
        upkeep.versionCheckDue = now + configuration.ticks(milliseconds: 500)
        guard let decided = versionToDecide() else { return }
        upkeep.versionIsUnderWay = true
        var request = InternalRaftRequest()
        request.clusterVersionSet.ver = decided.description
        propose(request) { [weak self] _ in self?.upkeep.versionIsUnderWay = false }
    }

    private func versionToDecide() -> ServerVersion? {
        let patience = configuration.ticks(milliseconds: 5_000)
        let current = membership.clusterVersion
        guard let (lowest, highest) = versions else {
            guard current == nil, now - leaderSince >= patience else { return nil }
            return ServerVersion(major: 3, minor: 0)
        }
        guard let current else { return lowest }
        if membership.isDowngrading {
            guard let target = downgradeTarget(lowest: lowest) else { return nil }
            if target != current { return target }
            finishDowngrade(lowest: lowest, highest: highest)
            return nil
        }
        return lowest > current && lowest.major == current.major ? lowest : nil
    }

    /// The members' lowest and highest version; nil when one's is not known.
    private var versions: (lowest: ServerVersion, highest: ServerVersion)? {
        var lowest = configuration.serverVersion
        var highest = lowest
        for member in membership.members where member.id != configuration.memberID {
            guard let version = peerVersions[member.id] else { return nil }
            lowest = min(lowest, version)
            highest = max(highest, version)
        }
        return (lowest.withoutPatch, highest.withoutPatch)
    }
}
