package import ClusterAPI

/// What to do next about one cluster, why, and why not more.
package struct Plan: Hashable, Sendable {
    /// To be carried out in order; at most one of them is disruptive.
    package var steps: [Step]
    package var reason: String
    /// Of single steps, where they have reasons of their own.
    package var reasons: [Step: String] = [:]
    package var waitingFor: String?
    /// One word, as in notes and conditions; the reason says more.
    package var blockedBy: String?
    /// What the user should know, found by any rule on the way.
    package var notes: [Note]
    /// One word for people: `Running`, `Bootstrapping`, `Stopped` ...
    package var phase: Phase
    /// When to look again if nothing happens before.
    package var recheckAfter: Duration

    package enum Phase: String, Hashable, Sendable {
        case pending = "Pending"
        case bootstrapping = "Bootstrapping"
        case running = "Running"
        case recovering = "Recovering"
        case scaling = "Scaling"
        case rollingOut = "RollingOut"
        case paused = "Paused"
        case stopping = "Stopping"
        case stopped = "Stopped"
        case hibernated = "Hibernated"
        case deleting = "Deleting"
        case refused = "Refused"
    }

    package init(
        steps: [Step] = [],
        reason: String,
        waitingFor: String? = nil,
        blockedBy: String? = nil,
        notes: [Note] = [],
        phase: Phase,
        recheckAfter: Duration
    ) {
        self.steps = steps
        self.reason = reason
        self.waitingFor = waitingFor
        self.blockedBy = blockedBy
        self.notes = notes
        self.phase = phase
        self.recheckAfter = recheckAfter
    }

    /// True when the operator is bringing something about and should look again soon.
    package var isChanging: Bool { !steps.isEmpty || waitingFor != nil }

    /// Why a step is taken.
    package func reason(for step: Step) -> String { reasons[step] ?? reason }
}

/// One change to the world. Each may be carried out twice without harm.
package enum Step: Hashable, Sendable {
    /// Choose uid, token and ports for this many members and write them down as `planned`.
    case allocate(members: Int)
    /// Write down the record that the members' directories agree on.
    case adoptRecord(ClusterRecord)
    /// Write down `started`, durably, before anything is.
    case begin
    case start(member: String, as: InitialState)
    /// Write down that a start failed before the member had written anything.
    case withdrawLaunch(member: String)
    case markBootstrapped
    /// SIGTERM, then SIGKILL; done when every exit has been seen.
    case stop(members: [String])
    /// Write down what is wanted of the cluster's processes.
    case latch(ClusterRecord.Desired)
    /// Move everything of the cluster to the trash.
    case discard
    /// Write down that a member is given up, or not wanted any more.
    case retire(member: String, Departure)
    /// Write down that it is wanted again.
    case recall(member: String)
    /// Stop one member; it is started again because it is down.
    case restart(member: String)
    case moveLeader(to: String)
    /// Take a member off the cluster's list, by its id.
    case remove(id: String)
    /// Move the files of a member that has left to the trash, and forget it.
    case trash(member: String)
    /// Move a member's directory out of another's place, to where it waits for its own.
    case putAside(member: String, from: String)
    /// Move a member's directory to its place.
    case putBack(member: String, from: String)
    /// Choose name and ports for one more member.
    case enlist
    case addLearner(member: String)
    /// Write down the id under which the cluster lists a member.
    case adoptLearner(member: String, id: String)
    case promote(member: String)
    /// Write down that a member has a vote.
    case admit(member: String)
    case compareHashes
    /// Drop all history before the present revision.
    case compact
    case defragment(member: String)
    case disarm([Alarm])
    /// Write down what members are launched with from now on.
    case beginRollout(EtcdCluster)
    /// Write down a member's new launch, and stop it; it is started again because it is down.
    case relaunch(member: String)
    /// Write down the wanted launch of a member that its present one keeps down.
    case correctLaunch(member: String)
    /// Write down that a member does well with its new launch.
    case accept(member: String)
    /// Go back to the last good launch of a member, and go no further.
    case rollBack(member: String, why: String)
    /// Write down that no further member gets what is rolled out.
    case haltRollout(why: String)
    /// Write down that every member is launched as was wanted.
    case finishRollout
    /// Write down that the cluster is built anew from a survivor.
    case beginRecovery
    case cancelRecovery
    /// Read the logs of all that are left, and write down which is the newest.
    case chooseSurvivor
    /// Make a snapshot of all that the survivor holds.
    case salvage
    /// Make the first member of the new cluster from it.
    case buildSeed
    /// Stamp the old members' directories and put them aside.
    case retireOld

    /// What it brings about is complete when a process has ended.
    var endsProcess: Bool {
        switch self {
        case .stop, .restart, .relaunch, .rollBack: true
        default: false
        }
    }

    /// For what waits until it is over.
    package var end: String { "the end of: \(self)" }

    /// It takes something away that serves or could serve.
    package var isDisruptive: Bool {
        switch self {
        case .stop, .discard, .restart, .moveLeader, .remove, .trash, .defragment, .relaunch,
            .rollBack:
            true
        case .allocate, .adoptRecord, .begin, .start, .withdrawLaunch, .markBootstrapped, .latch,
            .retire, .recall, .putAside, .putBack, .enlist, .addLearner, .adoptLearner, .promote,
            .admit, .compareHashes, .compact, .disarm, .beginRollout, .correctLaunch, .accept,
            .haltRollout, .finishRollout, .beginRecovery, .cancelRecovery, .chooseSurvivor,
            .salvage, .buildSeed, .retireOld:
            false
        }
    }
}

extension Step: CustomStringConvertible {
    package var description: String {
        switch self {
        case .allocate(let count): "choose names and ports for \(counted(count, "member"))"
        case .adoptRecord: "rebuild the record from the members' directories"
        case .begin: "start the members for the first time"
        case .start(let member, .new): "start \(member) as a new member"
        case .start(let member, .existing): "start \(member)"
        case .withdrawLaunch(let member): "count the failed start of \(member) as never made"
        case .markBootstrapped: "publish the endpoints"
        case .stop(let members): "stop \(members.joined(separator: ", "))"
        case .latch(.up): "let the cluster run"
        case .latch(.down): "take the cluster down"
        case .latch(.deleted): "delete the cluster"
        case .discard: "move the cluster's files to the trash"
        case .retire(let member, _): "give up \(member)"
        case .recall(let member): "keep \(member)"
        case .restart(let member): "restart \(member)"
        case .moveLeader(let member): "make \(member) the leader"
        case .remove(let id): "remove member \(id) from the cluster"
        case .trash(let member): "move \(member)'s files to the trash"
        case .putAside(let member, let place):
            "put \(member)'s directory aside, out of \(place)'s place"
        case .putBack(let member, _): "put \(member)'s directory back in its place"
        case .enlist: "choose name and ports for another member"
        case .addLearner(let member): "add \(member) to the cluster as a learner"
        case .adoptLearner(let member, let id): "know \(member) as member \(id)"
        case .promote(let member): "give \(member) a vote"
        case .admit(let member): "count \(member) as a voter"
        case .compareHashes: "compare the members' data"
        case .compact: "drop the store's history"
        case .defragment(let member): "defragment \(member)"
        case .beginRollout(let target):
            "roll out generation \(target.metadata.generation)"
        case .relaunch(let member): "stop \(member), to start it with what is rolled out"
        case .correctLaunch(let member): "launch \(member) as the spec says by now"
        case .accept(let member): "keep \(member) as it was launched"
        case .rollBack(let member, _): "launch \(member) as it was before"
        case .haltRollout: "halt the roll-out"
        case .finishRollout: "end the roll-out: every member has it"
        case .beginRecovery: "build the cluster anew from its survivor"
        case .cancelRecovery: "leave the cluster as it is"
        case .chooseSurvivor: "find the survivor that knows most"
        case .salvage: "save all that the survivor holds"
        case .buildSeed: "make the first member of the new cluster"
        case .retireOld: "put the old members' directories aside"
        case .disarm(let alarms):
            "take back "
                + alarms.map { "the alarm \($0.kind.rawValue) of \($0.memberID)" }
                .joined(separator: ", ")
        }
    }
}

/// The value of `--initial-cluster-state`.
package enum InitialState: String, Hashable, Sendable {
    case new
    case existing
}

/// Something the user should know, and which judgement it changes.
package struct Note: Hashable, Sendable {
    package enum Weight: Hashable, Sendable {
        /// Something is broken that the operator does not put right by itself.
        case degraded
        /// The spec asks for something that is not done.
        case unmet
        /// The spec asks for something that is being done.
        case underway
    }

    package var weight: Weight
    /// One word in CamelCase that programs may compare.
    package var reason: String
    package var message: String
    /// The member it is about; empty: the cluster.
    package var member: String

    package init(_ weight: Weight, _ reason: String, _ message: String, member: String = "") {
        self.weight = weight
        self.reason = reason
        self.message = message
        self.member = member
    }

    /// True when the other tells of the same thing. What is wrong with a member may be worded a
    /// little differently each time, and is the same as long as the reason is.
    package func isAbout(_ other: Note) -> Bool {
        guard reason == other.reason, member == other.member else { return false }
        return !member.isEmpty || message == other.message
    }
}

/// `1 member`, `3 members`.
package func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
