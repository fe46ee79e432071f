import ClusterAPI

/// How a member that does not run may be started. This is the one place that decides between
/// `new` and `existing` (safety rule 11).
///
/// The record down, the directory across; a directory that is foreign, another member's or unknown
/// is refused in every row, and a damaged one until the cluster has served, after which its data is
/// lost:
///
/// ```
/// record                    intact     empty                gone
/// planned                   refuse     refuse               refuse
/// started, never launched   existing   new                  new
/// started, launched         existing   withdraw or refuse   refuse (*)
/// bootstrapped              existing   lost                 lost
/// joins, not yet added      refuse     not yet              not yet
/// joins, never launched     existing   existing             existing
/// joins, launched           existing   withdraw or lost     lost
/// ```
///
/// (*) Where the others serve, the cluster counts as bootstrapped from then on.
///
/// A member that joins is empty and starts as `existing`: it gets everything from the others.
/// A launched member without a log may have voted and lost its vote: starting it as `new` could
/// undo what was promised to a client. The one exception is a start that this operator saw fail
/// as the parent of the process, when the member never served, no pass ever saw a log of it, and
/// the directory is still there with nothing in it: that launch is withdrawn, and the member counts
/// as never launched.
enum Launch: Hashable {
    case start(InitialState)
    case withdraw
    /// It waits to be added to the cluster's list.
    case notYet
    /// Its data is gone for good: another member has to take its place.
    case lost(Departure.Cause, message: String)
    case refuse(reason: String, message: String)

    static func decide(
        _ member: ClusterRecord.Member,
        _ seen: MemberObservation,
        in record: ClusterRecord
    ) -> Launch {
        switch seen.directory {
        case .foreign(let why):
            return .refuse(reason: "ForeignData", message: "\(member.name): \(why)")
        case .misplaced(let owner):
            let message = "the directory in \(member.name)'s place is \(owner)'s"
            return .refuse(reason: "ForeignData", message: message)
        case .aside:
            return .notYet
        case .unknown(let why):
            return .refuse(reason: "DirectoryUnknown", message: "\(member.name): \(why)")
        case .damaged(let why):
            let message = "\(member.name): its data is damaged (\(why)); it stays stopped"
            return record.phase == .bootstrapped
                ? .lost(.dataDamaged, message: message)
                : .refuse(reason: "DataDamaged", message: message)
        case .intact:
            return record.phase == .planned || member.id == nil
                ? refusal(member, "data is there before anything was started")
                : .start(.existing)
        case .empty, .gone:
            break
        }
        switch record.phase {
        case .planned:
            return refusal(member, "nothing may be started before that is written down")
        case .started where !member.launched:
            return .start(.new)
        case .started:
            if seen.directory == .empty, !member.hasLog, seen.exits.showAFailedStart {
                return .withdraw
            }
            return refusal(
                member,
                "it was started once and has no log; seeding it again could lose what it promised. "
                    + "If this cluster never served, delete it and declare it again: "
                    + "`etcd-operator delete \(record.cluster.argument)`"
            )
        case .bootstrapped where member.id == nil:
            return .notYet
        case .bootstrapped where !member.isVoter && !member.launched:
            return .start(.existing)
        case .bootstrapped:
            if !member.isVoter, seen.directory == .empty, !member.hasLog,
                seen.exits.showAFailedStart
            {
                return .withdraw
            }
            return .lost(
                .dataLost,
                message: "\(member.name): its data is gone; an empty member under its name could "
                    + "undo what it promised, so it stays stopped"
            )
        }
    }

    private static func refusal(_ member: ClusterRecord.Member, _ why: String) -> Launch {
        .refuse(reason: "BootstrapRefused", message: "\(member.name): \(why)")
    }
}

extension ExitHistory {
    /// The last run ended under our eyes and cannot have left anything that counts.
    fileprivate var showAFailedStart: Bool {
        guard let last, last.witnessed, !hadServed else { return false }
        return last.cause != .stopped && !last.cause.saysDataIsLost
    }
}
