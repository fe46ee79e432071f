import ClusterAPI
import Operator
import Planning
import Storage

/// What there is of the cluster, in truth and as the operator tells it.
extension OperatorWorld {
    var status: ClusterStatus? {
        guard let state = try? StateDirectory(existing: "/state", on: disk) else { return nil }
        return try? state.cluster(Self.name).status()
    }

    /// Voters of the record whose logs can be read by somebody who sees the whole disk.
    var intactVoters: Int { intact.count }

    /// Those of them that do not leave. Who leaves may have lost its vote already, whatever those
    /// know who have just started.
    var intactStayingVoters: Int { intact.count { $0.departure == nil } }

    private var intact: [ClusterRecord.Member] {
        record?.members.filter { member in
            let folder = Replica.folder("\(membersFolder)/\(member.name)/data")
            return member.isVoter && (try? WAL.read(on: disk, directory: folder)) != nil
        } ?? []
    }

    /// The voters are those of the record: nobody else has changed them since.
    var isAsRecorded: Bool {
        let own = processes.filter { $0.parent > 0 }.compactMap(\.replica)
        guard let record, let newest = own.max(by: { $0.commit < $1.commit }) else { return false }
        // Whoever starts again may not know yet that somebody was removed.
        let voters = newest.roster.voters.filter { !removedByHand.contains($0.id) }
            .map { String($0.id, radix: 16) }
        return Set(voters) == Set(record.members.filter(\.isVoter).compactMap(\.id))
    }

    var rottenCount: Int {
        let names = (try? disk.list(membersFolder)) ?? []
        return names.count { name in
            let mark = "\(membersFolder)/\(name)/data/member/rot"
            return (try? disk.status(mark)) ?? nil != nil
        }
    }

    /// The cluster's files are gone, and what there was is over.
    func forgetCluster() {
        alarms = []
        sizes = [:]
        removedByOthers = 0
        removedByHand = []
        launches = [:]
        checker.forgetsCluster()
    }
}
