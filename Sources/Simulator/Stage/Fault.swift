/// What a world does to its machines: faults, and other disturbances that are nobody's fault.
package enum Fault: String, CaseIterable, Sendable {
    /// A process is killed; what it had written stays.
    case kill
    /// A machine loses power; of what was not synced any part may survive.
    case powerLoss
    /// All machines lose power at once.
    case blackout
    /// The power fails inside one of the next syncs.
    case powerLossInSync
    /// A process stands still for a while and goes on as if nothing had been.
    case pause
    /// The machines are split into two sides that do not hear each other.
    case partition
    /// One side does not hear the other, which hears it well.
    case oneWayPartition
    /// The leader alone is cut off, in both directions or in one.
    case isolation
    /// Much of what a machine says is lost.
    case flakyLink
    /// A disk takes many times as long as usual.
    case slowDisk
    /// A sync fails; the process must end, and must not trust what it wrote.
    case failedSync
    /// A disk takes nothing more for a while; the process must end.
    case fullDisk
    /// The backend fails to commit; the process must end.
    case failedCommit
    /// A bit of the synced log is flipped while the machine is down: the member must not start, or
    /// start with the right data.
    case bitRot
    /// Leadership is handed over.
    case transfer
    /// A follower is told to look for another leader.
    case forgetLeader
    /// A member is added, promoted or removed.
    case reconfiguration
    /// Old revisions of the keyspace are compacted.
    case compaction
    /// At some moment of a snapshot's way the machine that has it loses its process, its power, or
    /// what its disk promised.
    case snapshotCrash

    // What happens to the operator's world.

    /// The operator is killed.
    case operatorKill
    /// It dies at one of its next changes of the disk.
    case operatorCrash
    /// The whole machine loses power.
    case machinePowerLoss
    /// Another operator is started on the same directory.
    case secondOperator
    /// The record, its previous version, the status or the journal are lost.
    case lostFiles
    case memberKill
    /// A member is sent SIGSTOP; it may never go on.
    case memberStop
    /// The data of a member is removed, or all of it that the operator keeps.
    case wipe
    /// A bit of a member's log is flipped.
    case damage
    /// A member's database comes to differ from its log.
    case rot
    /// The file system with the members' directories is not mounted.
    case lostMount
    /// A directory answers with an input/output error.
    case unreadable
    case fullVolume
    /// Members do not answer the operator.
    case operatorCutOff
    /// A member does not hear the others.
    case memberCutOff
    /// A member says that it serves when it does not, or the other way round.
    case wrongHealth
    /// A question to the members is lost, or the answer to it.
    case lostAnswer
    case slowAnswer
    /// The wall clock is put forward or back.
    case clockJump
    /// Somebody starts a member on data that were put away.
    case ghost
    /// A member's port is taken by somebody else.
    case strangerPort
    /// Somebody removes a member with `etcdctl`.
    case outsideRemoval
    /// The spec changes, breaks or vanishes.
    case edit
    /// `down` or `up` is asked for.
    case order
    /// A member is out of space and raises the alarm.
    case fullStore
    /// Two members' directories are in each other's places.
    case swap
    /// The spec is taken away, and the cluster's deletion is asked for.
    case deletion
    /// What members are launched with changes in the spec, maybe to what none comes up with.
    case settings

    /// Those of the worlds of members.
    package static let ofMembers = Array(allCases.prefix { $0 != .operatorKill })
    package static let ofOperators = Array(allCases.drop { $0 != .operatorKill })

    var position: Int {
        Fault.allCases.firstIndex(of: self) ?? 0
    }
}

/// How often each kind happens: the mean time between two, in milliseconds; 0 is never.
package struct FaultRates: Hashable, Sendable {
    private var intervals = Array(repeating: 0, count: Fault.allCases.count)

    package init() {}

    package subscript(_ fault: Fault) -> Int {
        get { intervals[fault.position] }
        set { intervals[fault.position] = newValue }
    }

    /// The kinds that happen.
    package var active: [Fault] {
        Fault.allCases.filter { self[$0] > 0 }
    }
}
