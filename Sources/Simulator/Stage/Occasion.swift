/// What comes about in a run without being injected. Its counts show what runs get to; nothing
/// depends on them.
package enum Occasion: String, CaseIterable, Sendable {
    /// A process has started.
    case start
    /// A machine's clock is too fast or too slow.
    case wrongClock
    /// A node has begun to lead.
    case leader
    /// A log was cut off.
    case logCut
    /// A damaged log was noticed; its member is lost.
    case lostMember
    case memberAdded
    case memberPromoted
    case memberRemoved
    /// A follower needs a snapshot.
    case snapshotOrdered
    /// Its file is written, and begins to be sent.
    case snapshotSent
    /// The connection broke before all of it had arrived.
    case snapshotCutOff
    /// It was refused, or could not be written down.
    case snapshotRefused
    /// It came too late to be of use.
    case snapshotUnwanted
    /// Raft has taken it.
    case snapshotTaken
    /// A running member was opened anew with it.
    case snapshotOpened
    /// A process started with a snapshot that was taken before its end.
    case snapshotRecovered
    /// A watch was begun.
    case watchBegun
    /// It goes on with another connection, or another member.
    case watchResumed
    /// What it would be told next was compacted.
    case watchCompacted
    case watchEvent
    /// It was told how far it has come.
    case watchProgress
    /// A client did not take what was sent, so that its stream was full.
    case watchStalled
    /// A slice of history was read for those who were behind.
    case watchSlice
    case leaseGranted
    case leaseRenewed
    /// By a leader that had been replaced and did not know it.
    case leaseRenewedInVain
    case leaseRevoked
    case leaseExpired
    /// What was left of leases was noted in the log.
    case leaseCheckpoint

    // What comes about in the operator's world. A step is named after the event by which the
    // operator tells that it has made it.

    case stepBootstrapped
    /// The record was put together from the members' copies.
    case stepRecordRebuilt
    case stepStartWithdrawn
    case stepMemberRestarted
    /// One that hangs, so that it is started again.
    case stepMemberStopping
    case stepMembersStopping
    case stepMemberGivenUp
    case stepMemberKept
    case stepMemberRemoved
    case stepMemberDiscarded
    case stepMemberPlanned
    case stepLearnerAdded
    case stepMemberPromoted
    case stepDirectoryPutBack
    case stepLeaderMoved
    case stepCompacted
    case stepDefragmented
    case stepAlarmTakenBack
    case stepRecoveryBegun
    case stepRecoveryCancelled
    case stepSurvivorChosen
    case stepSalvaged
    case stepSeedBuilt
    case stepRecovered
    case stepRolloutBegun
    case stepMemberUpdated
    case stepLaunchCorrected
    case stepRolledBack
    case stepRolloutHalted
    case stepRolledOut
    /// As many members vote as are declared.
    case stepScaled
    /// An order was written down.
    case stepOrdered
    /// Deletion, because the spec was gone for long.
    case stepLatched
    case stepDiscarded
    /// Passes in which the spec said so.
    case passPaused
    case passHibernated
    /// An order to stop was answered as done.
    case keptDown
    /// A write was lost with all that knew of it.
    case writeForgiven

    /// Those of the worlds of members.
    package static let ofMembers = Array(allCases.prefix { $0 != .stepBootstrapped })
    package static let ofOperators = Array(allCases.drop { $0 != .stepBootstrapped })
}
