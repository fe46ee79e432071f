import ClusterAPI
import Logging
import Planning

/// Tells what a worker finds and does: events, the journal, the status.
///
/// A word that cannot be written keeps nobody from healing. The first such failure of a pass is
/// kept as its trouble, and told like a failed step.
struct Reporter {
    private let directory: ClusterDirectory
    private let progress: AsyncStream<Progress>.Continuation
    private let clocks: Clocks
    private let logger: Logger
    private var events: EventLog
    private var writer: StatusWriter
    private var notes: [Note] = []
    private(set) var trouble: OperatorError?
    /// How steps failed that have not been done since: that they fail again has no line of its own.
    private var failures: [String: String] = [:]

    init(
        directory: ClusterDirectory,
        progress: AsyncStream<Progress>.Continuation,
        clocks: Clocks,
        logger: Logger
    ) {
        self.directory = directory
        self.progress = progress
        self.clocks = clocks
        self.logger = logger
        events = EventLog(directory: directory, progress: progress, clocks: clocks)
        writer = StatusWriter(directory: directory, progress: progress)
    }

    private var name: ClusterName { directory.name }

    /// A new pass begins.
    mutating func begin() {
        trouble = nil
    }

    mutating func note(_ error: OperatorError) {
        trouble = trouble ?? error
    }

    /// Every change has its line, and so has every way in which it fails.
    mutating func journal(
        _ step: Step,
        _ reason: String,
        from before: String? = nil,
        to after: String? = nil,
        result: String
    ) {
        let entry = JournalEntry(
            time: clocks.wallNow(),
            step: "\(step)",
            reason: reason,
            before: before,
            after: after,
            result: result
        )
        if result == "done" || result == "begun" {
            failures[entry.step] = nil
        } else if failures.updateValue(result, forKey: entry.step) == result {
            return
        }
        do throws(OperatorError) {
            try directory.append(entry)
        } catch {
            note(error)
        }
    }

    mutating func tell(_ kind: Event.Kind, _ reason: String, _ message: String) {
        do throws(OperatorError) {
            try events.record(kind, reason, message)
        } catch {
            note(error)
        }
    }

    /// The machine's clock was set. Schedules go by it, and so do the times in every file.
    mutating func tellClock(_ step: Duration) {
        let way = step < .zero ? "back" : "forward"
        let seconds = abs(step.components.seconds)
        tell(.warning, "ClockJumped", "the machine's clock went \(way) by \(seconds) s")
    }

    /// How members ended, and what is newly wrong: an event once, and not twice for one exit.
    mutating func tell(_ plan: Plan, _ exits: [ClusterObserver.Exit]) {
        for exit in exits {
            tell(
                exit.isExpected ? .normal : .warning,
                exit.cause.reason,
                "\(exit.member) \(exit.cause)"
            )
        }
        let told = exits.map { "\($0.member) \($0.cause)" }
        let new = plan.notes.filter { note in !notes.contains { $0.isAbout(note) } }
        let isScaled = notes.contains { $0.reason == "Scaling" } && plan.phase == .running
        notes = plan.notes
        for note in new where !told.contains(note.message) {
            tell(note.weight == .underway ? .normal : .warning, note.reason, note.message)
        }
        if isScaled, !notes.contains(where: { $0.weight == .underway }) {
            tell(.normal, "Scaled", "as many members vote as spec.replicas says")
        }
    }

    /// The last event of a cluster whose files have just been moved away.
    func tellEnd(_ place: String) {
        let event = Event(
            time: clocks.wallNow(),
            cluster: name,
            type: .normal,
            reason: "Discarded",
            message: "its files are in \(place)"
        )
        progress.yield(.event(event))
    }

    mutating func tellFailure(_ error: OperatorError) {
        let text: Logger.MetadataValue = "\(error)"
        logger.warning("a step failed", metadata: ["cluster": "\(name)", "error": text])
        do throws(OperatorError) {
            try events.record(.warning, "StepFailed", error.description)
        } catch {
            // The disk that refused the step refuses the event too; the log has both.
            logger.error("an event is lost", metadata: ["cluster": "\(name)", "error": "\(error)"])
        }
    }

    mutating func update(_ seen: Observation, _ plan: Plan, _ failure: String?) {
        var previous = writer.last
        if case .absent = seen.record {
            // Somebody may have moved the file away, so that the cluster can be made anew.
            previous = try? directory.status()
        }
        let new = Planning.status(of: seen, plan: plan, failure: failure, previous: previous)
        do throws(OperatorError) {
            guard try writer.write(new) else { return }
            for (member, old) in new.members.map({ new in
                (new, previous?.members.first { $0.name == new.name })
            }) where old?.health != member.health {
                try tellHealth(of: member)
            }
        } catch {
            logger.error("a status is lost", metadata: ["cluster": "\(name)", "error": "\(error)"])
        }
    }

    /// A member that began or ceased to serve.
    private mutating func tellHealth(of member: MemberStatus) throws(OperatorError) {
        switch member.health {
        case .healthy: try events.record(.normal, "MemberServing", "\(member.name) serves")
        case .unhealthy:
            try events.record(.warning, "MemberUnhealthy", "\(member.name): \(member.message)")
        case .starting, .stopped, .unknown: return
        }
    }
}

extension Step {
    /// One word for events; nil for a step that is none.
    var eventReason: String? {
        switch self {
        case .allocate: "Planned"
        case .adoptRecord: "RecordRebuilt"
        case .begin: "Bootstrapping"
        case .start: "MemberRestarted"
        case .withdrawLaunch: "StartWithdrawn"
        case .markBootstrapped: "Bootstrapped"
        case .stop: "MembersStopping"
        case .latch: "Latched"
        case .discard: "Discarded"
        case .retire: "MemberGivenUp"
        case .recall: "MemberKept"
        case .restart: "MemberStopping"
        case .moveLeader: "LeaderMoved"
        case .remove: "MemberRemoved"
        case .trash: "MemberDiscarded"
        case .putAside: nil
        case .putBack: "DirectoryPutBack"
        case .enlist: "MemberPlanned"
        case .addLearner, .adoptLearner: "LearnerAdded"
        case .promote: "MemberPromoted"
        case .admit: nil
        case .compareHashes: nil
        case .compact: "Compacted"
        case .defragment: "Defragmented"
        case .disarm: "AlarmTakenBack"
        case .beginRollout: "RolloutBegun"
        case .relaunch: "MemberStopping"
        case .correctLaunch: "LaunchCorrected"
        case .accept: "MemberUpdated"
        case .rollBack: "RolledBack"
        case .haltRollout: "RolloutHalted"
        case .finishRollout: "RolledOut"
        case .beginRecovery: "RecoveryBegun"
        case .cancelRecovery: "RecoveryCancelled"
        case .chooseSurvivor: "SurvivorChosen"
        case .salvage: "Salvaged"
        case .buildSeed: "SeedBuilt"
        case .retireOld: "Recovered"
        }
    }
}
