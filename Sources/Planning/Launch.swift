import ClusterAPI

/// How a member that does not run may be started. This is the one place that decides between
/// `new` and `existing` (safety rule 11).
///
/// What can be read is laid out in a table, record down, directory across:
///
///                             intact     empty                  gone       damaged, unknown,
/// foreign     planned                 refuse     refuse                 refuse     refuse
///     started, never launched existing   new                    new        refuse
///     started, launched       existing   withdraw or refuse     refuse     refuse
///     bootstrapped            existing   refuse                 refuse     refuse
///
/// A launched member without a log may have voted and lost its vote: starting it as `new` could
/// undo what was promised to a client. The one exception is a start that this operator saw fail
/// as the parent of the process, with the directory still there and nothing written into it:
/// that launch is withdrawn, and the member counts as never launched.
enum Launch: Hashable {
    case start(InitialState)
    case withdraw
    case refuse(reason: String, message: String)

    static func decide(
        _ member: ClusterRecord.Member,
        _ seen: MemberObservation,
        in record: ClusterRecord
    ) -> Launch {
        switch seen.directory {
        case .foreign(let why):
            return .refuse(reason: "ForeignData", message: "\(member.name): \(why)")
        case .unknown(let why):
            return .refuse(reason: "DirectoryUnknown", message: "\(member.name): \(why)")
        case .damaged(let why):
            return .refuse(
                reason: "DataDamaged",
                message: "\(member.name): its data is damaged (\(why)); it stays stopped, since "
                    + "this version does not replace members; the data is left as it is"
            )
        case .intact:
            return record.phase == .planned
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
            let exit = seen.exits.last
            if seen.directory == .empty, let exit, exit.witnessed, !exit.cause.saysDataIsLost {
                return .withdraw
            }
            return refusal(
                member,
                "it was started once and has no log; seeding it again could lose what it promised. "
                    + "If this cluster never served, delete it and declare it again: "
                    + "`etcd-operator delete \(record.name)`"
            )
        case .bootstrapped:
            return .refuse(
                reason: "DataLost",
                message: "\(member.name): its data is gone; an empty member under its name could "
                    + "undo what it promised, so it stays stopped; this version does not replace "
                    + "members"
            )
        }
    }

    private static func refusal(_ member: ClusterRecord.Member, _ why: String) -> Launch {
        .refuse(reason: "BootstrapRefused", message: "\(member.name): \(why)")
    }
}
