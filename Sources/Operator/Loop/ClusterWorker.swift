package import ClusterAPI
package import Logging
import Planning

/// Observes, plans and acts for one cluster, again and again, until it is discarded.
///
/// Every pass starts from what is: nothing is resumed. Clusters have workers of their own, so one
/// that hangs delays no other; reasons to look again ring a bell, and many rings are one look.
package actor ClusterWorker {
    package nonisolated let name: ClusterName
    nonisolated let bell = Bell()

    private let directory: ClusterDirectory
    private let executor: Executor
    private let catalog: @Sendable () -> SpecCatalog
    private let progress: AsyncStream<Progress>.Continuation
    private let logger: Logger
    private var observer: ClusterObserver
    private var events: EventLog
    private var record: RecordState = .absent
    private var writer: StatusWriter
    private var notes: [Note] = []
    private var orders: [Order] = []
    private var failures = 0
    private var hasEnded = false

    /// A command on its way, and who waits for it.
    private struct Order {
        let command: ClusterCommand
        let answer: CheckedContinuation<Result<Void, OperatorError>, Never>
        /// Written down; for `down` and `delete` the processes are still to end.
        var isLatched = false
    }

    package init(
        directory: ClusterDirectory,
        observer: ClusterObserver,
        executor: Executor,
        catalog: @escaping @Sendable () -> SpecCatalog,
        progress: AsyncStream<Progress>.Continuation,
        logger: Logger
    ) {
        name = directory.name
        self.directory = directory
        self.observer = observer
        self.executor = executor
        self.catalog = catalog
        self.progress = progress
        self.logger = logger
        events = EventLog(directory: directory, progress: progress)
        writer = StatusWriter(directory: directory, progress: progress)
    }

    /// Works until the cluster is discarded or the task is cancelled.
    func run() async {
        while !Task.isCancelled, !hasEnded {
            let wait = await pass()
            if hasEnded { break }
            await bell.wait(atMost: wait)
        }
        hasEnded = true
        for order in orders {
            order.answer.resume(
                returning: .failure(OperatorError(.control, "the operator is stopping"))
            )
        }
        orders = []
        var closing = observer
        await closing.close()
        observer = closing
    }

    /// Gives a command and waits until it is carried out: `down` and `delete` when the last
    /// process has ended.
    package func perform(_ command: ClusterCommand) async throws(OperatorError) {
        guard !hasEnded else { throw OperatorError(.notFound, "\(name) is no more") }
        let result = await withCheckedContinuation { continuation in
            orders.append(Order(command: command, answer: continuation))
            bell.ring()
        }
        try result.get()
    }

    /// Orders that are not answered yet.
    package var waiting: Int { orders.count }

    /// One look and what follows from it. Returns when to look again.
    package func pass() async -> Duration {
        let specs = catalog()
        guard let declared = specs.clusters.first(where: { $0.cluster.name == name }) else {
            return .seconds(10)
        }
        let missing = specs.missing(name, at: monotonicNow())
        let (cluster, refusal) = prepare(declared, missing, specs.rejection(name))
        if hasEnded { return .zero }
        // Nobody but a pass touches the observer, and passes do not overlap.
        var looking = observer
        var (seen, exits) = await looking.observe(cluster, missing: missing, record: record)
        observer = looking
        seen.rejected = specs.rejection(name)
        var failure = refusal?.description
        do throws(OperatorError) {
            try keepLogs(&seen)
        } catch {
            // What cannot be written down must not be acted upon.
            seen.record = .unusable(error.description)
        }
        var plan = Planning.plan(seen)
        if Task.isCancelled { return .zero }
        // A word that cannot be written keeps nobody from healing; it is told like a failed step.
        var trouble: OperatorError?
        for exit in exits {
            let kind: Event.Kind = exit.cause == .stopped ? .normal : .warning
            tell(kind, exit.cause.reason, "\(exit.member) \(exit.cause)", &trouble)
        }
        tellNotes(plan, exits, &trouble)
        execute(plan, cluster, declared.file, &trouble)
        if let trouble {
            failure = failure ?? trouble.description
            let text: Logger.MetadataValue = "\(trouble)"
            logger.warning("a step failed", metadata: ["cluster": "\(name)", "error": text])
            reportFailure(trouble)
        }
        failures = failure == nil ? 0 : failures + 1
        if hasEnded {
            answer(plan, failure)
            return .zero
        }
        update(seen, plan, failure)
        answer(plan, failure)
        if failure != nil {
            plan.recheckAfter = min(.seconds(30), .milliseconds(250) * (1 << min(failures, 7)))
        }
        trimLogs()
        return plan.recheckAfter
    }

    /// Reads the record, takes a changed spec and the commands into it. Returns the cluster as it
    /// is on disk, which is what is acted upon, and why a changed spec could not be written there.
    private func prepare(
        _ declared: SpecCatalog.Declared,
        _ missing: SpecMissing?,
        _ rejection: String?
    ) -> (EtcdCluster, OperatorError?) {
        var cluster = declared.cluster
        cluster.metadata.generation = 1
        do throws(OperatorError) {
            switch record {
            case .absent, .unusable:
                record = try directory.record().map(RecordState.read) ?? .absent
                if case .read(let known) = record { executor.reserve(known) }
            case .read: break
            }
            guard case .read = record else {
                refuseOrders()
                try keep(cluster, missing)
                return (cluster, nil)
            }
        } catch {
            record = .unusable(error.description)
            refuseOrders()
            return (cluster, nil)
        }
        var refusal: OperatorError?
        if missing == nil {
            do throws(OperatorError) {
                try accept(declared)
            } catch {
                refusal = error
                reportFailure(error)
            }
        }
        takeOrders(missing, rejection)
        guard case .read(let known) = record else { fatalError("the record of \(name) is lost") }
        return (known.accepted, refusal)
    }

    /// Writes down what is ordered. Each order has an outcome of its own.
    private func takeOrders(_ missing: SpecMissing?, _ rejection: String?) {
        let all = orders
        orders = all.filter(\.isLatched)
        for order in all where !order.isLatched {
            do throws(OperatorError) {
                try latch(order.command, missing, rejection)
                var latched = order
                latched.isLatched = true
                orders.append(latched)
            } catch {
                order.answer.resume(returning: .failure(error))
            }
        }
    }

    /// On disk first, in memory then.
    private func save(_ changed: ClusterRecord) throws(OperatorError) {
        try directory.save(changed)
        record = .read(changed)
    }

    private func keepLogs(_ seen: inout Observation) throws(OperatorError) {
        guard case .read(var known) = record, known.phase == .started else { return }
        try executor.keepLogs(seen.members, &known)
        record = .read(known)
        seen.record = record
    }

    /// A cluster that was never created exists only as its declaration: `get` shows it, with the
    /// reason why it does not come up, for as long as a file declares it.
    private func keep(_ cluster: EtcdCluster, _ missing: SpecMissing?) throws(OperatorError) {
        guard missing != nil else { return try directory.keep(declaration: cluster) }
        if try directory.forgetDeclaration() { hasEnded = true }
    }

    /// A changed spec is a new generation, on disk before anything follows from it.
    private func accept(_ declared: SpecCatalog.Declared) throws(OperatorError) {
        guard case .read(var changed) = record else { return }
        var wanted = declared.cluster
        wanted.metadata.generation = changed.accepted.metadata.generation
        wanted.metadata.uid = changed.accepted.metadata.uid
        wanted.status = nil
        let isNew = wanted != changed.accepted
        guard isNew || declared.file != changed.source || declared.folder != changed.sourceFolder
        else { return }
        if isNew { wanted.metadata.generation += 1 }
        changed.accepted = wanted
        changed.source = declared.file
        changed.sourceFolder = declared.folder
        try save(changed)
        guard isNew else { return }
        var trouble: OperatorError?
        let message = "generation \(wanted.metadata.generation) from \(declared.file)"
        tell(.normal, "SpecAccepted", message, &trouble)
        if let trouble { throw trouble }
    }

    private func latch(
        _ command: ClusterCommand,
        _ missing: SpecMissing?,
        _ rejection: String?
    ) throws(OperatorError) {
        guard case .read(var changed) = record else { return }
        if command == .delete, missing == nil, let rejection {
            throw OperatorError(
                .refused,
                "nobody can tell whether \(changed.source) still declares \(name): \(rejection)",
                remedy: "correct that first"
            )
        }
        if command == .delete, missing == nil {
            throw OperatorError(
                .refused,
                "\(changed.source) declares \(name), so it would be created again, empty",
                remedy: "remove it from that file first"
            )
        }
        let before = changed.desired
        try changed.order(command)
        guard changed.desired != before else { return }
        try save(changed)
        for member in changed.members {
            do throws(OperatorError) {
                try directory.member(member.name).renewCopy(changed)
            } catch {
                // It matters only if the record itself gets lost before the next start.
                logger.warning("a copy is out of date", metadata: ["error": "\(error)"])
            }
        }
        // It is done once it is saved; a line that is lost must not look like a refusal.
        var trouble: OperatorError?
        let reason = "`\(command.rawValue)` was asked for"
        journal(Step.latch(changed.desired), reason, "done", &trouble)
        tell(.normal, "Ordered", reason, &trouble)
        if let trouble { reportFailure(trouble) }
    }

    /// Takes the steps in order; a step that fails ends them. Starts are independent of each other:
    /// the failure of one must not keep another member down.
    private func execute(
        _ plan: Plan,
        _ cluster: EtcdCluster,
        _ source: String,
        _ trouble: inout OperatorError?
    ) {
        for step in plan.steps {
            let reason = plan.reason(for: step)
            var known: ClusterRecord? = if case .read(let record) = record { record } else { nil }
            let outcome: Executor.Outcome
            // The journal goes to the trash with the rest, so this is written before.
            if step == .discard { journal(step, reason, "begun", &trouble) }
            do throws(OperatorError) {
                outcome = try executor.run(step, &known, cluster, source: source)
            } catch {
                if let known { record = .read(known) }
                journal(step, reason, error.description, &trouble)
                trouble = trouble ?? error
                guard case .start(let member, let state) = step else { return }
                observer.countFailure(member, ExitCause(error), isFirst: state == .new)
                continue
            }
            switch outcome {
            case .unchanged: continue
            case .discarded(let place):
                hasEnded = true
                progress.yield(.event(ended(place)))
                return
            case .done: break
            }
            if let known { record = .read(known) }
            if case .start(let member, .existing) = step { observer.countRestart(member) }
            journal(step, reason, "done", &trouble)
            tell(.normal, step.eventReason, "\(step): \(reason)", &trouble)
        }
    }

    /// Every change has its line; one that cannot be written changes nothing about what was done.
    private func journal(
        _ step: Step,
        _ reason: String,
        _ result: String,
        _ trouble: inout OperatorError?
    ) {
        let entry = JournalEntry(time: wallNow(), step: "\(step)", reason: reason, result: result)
        do throws(OperatorError) {
            try directory.append(entry)
        } catch {
            trouble = trouble ?? error
        }
    }

    private func tell(
        _ kind: Event.Kind,
        _ reason: String,
        _ message: String,
        _ trouble: inout OperatorError?
    ) {
        do throws(OperatorError) {
            try events.record(kind, reason, message)
        } catch {
            trouble = trouble ?? error
        }
    }

    private func ended(_ place: String) -> Event {
        Event(
            time: wallNow(),
            cluster: name,
            type: .normal,
            reason: "Discarded",
            message: "its files are in \(place)"
        )
    }

    /// What is newly wrong becomes an event once, unless its exit is one already.
    private func tellNotes(
        _ plan: Plan,
        _ exits: [ClusterObserver.Exit],
        _ trouble: inout OperatorError?
    ) {
        let told = exits.map { "\($0.member) \($0.cause)" }
        let new = plan.notes.filter { note in !notes.contains { $0.isAbout(note) } }
        notes = plan.notes
        for note in new where !told.contains(note.message) {
            tell(.warning, note.reason, note.message, &trouble)
        }
    }

    private func reportFailure(_ error: OperatorError) {
        do throws(OperatorError) {
            try events.record(.warning, "StepFailed", error.description)
        } catch {
            // The disk that refused the step refuses the event too; the log has both.
            logger.error("an event is lost", metadata: ["cluster": "\(name)", "error": "\(error)"])
        }
    }

    private func update(_ seen: Observation, _ plan: Plan, _ failure: String?) {
        var seen = seen
        // What the steps have changed shows at once.
        if case .read(let known) = record, known.members.count == seen.members.count {
            seen.record = record
        }
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
    private func tellHealth(of member: MemberStatus) throws(OperatorError) {
        switch member.health {
        case .healthy: try events.record(.normal, "MemberServing", "\(member.name) serves")
        case .unhealthy:
            try events.record(.warning, "MemberUnhealthy", "\(member.name): \(member.message)")
        case .starting, .stopped, .unknown: return
        }
    }

    /// Answers the orders that are done, and those that will not be before somebody acts.
    private func answer(_ plan: Plan, _ failure: String?) {
        let all = orders
        orders = []
        for order in all {
            if let result = outcome(of: order, plan, failure) {
                order.answer.resume(returning: result)
            } else {
                orders.append(order)
            }
        }
    }

    /// Nil while it is under way.
    private func outcome(of order: Order, _ plan: Plan, _ failure: String?)
        -> Result<Void, OperatorError>?
    {
        guard order.isLatched else { return nil }
        if hasEnded, order.command == .delete { return .success(()) }
        guard case .read(let known) = record else { return nil }
        switch order.command {
        case .up: return .success(())
        case .down where known.desired != .down, .delete where known.desired != .deleted:
            let other = "another order came after it: \(Step.latch(known.desired))"
            return .failure(OperatorError(.refused, other))
        case .down where plan.phase == .stopped && plan.steps.isEmpty: return .success(())
        case .down, .delete:
            let isStuck = plan.blockedBy != nil || plan.phase == .paused
            guard let why = failure ?? (isStuck ? plan.reason : nil) else { return nil }
            return .failure(
                OperatorError(
                    .refused,
                    "`\(order.command.rawValue)` is noted and cannot be done now: \(why)",
                    remedy: "it is done as soon as that is put right"
                )
            )
        }
    }

    private func failOrders(_ error: OperatorError) {
        for order in orders where !order.isLatched {
            order.answer.resume(returning: .failure(error))
        }
        orders.removeAll { !$0.isLatched }
    }

    private func refuseOrders() {
        let why =
            if case .unusable(let reason) = record { reason } else { "\(name) was never started" }
        failOrders(OperatorError(.refused, why))
    }

    private func trimLogs() {
        guard case .read(let known) = record else { return }
        for member in known.members {
            let path = directory.member(member.name).log
            do throws(OperatorError) {
                try MemberLog(path: path, disk: directory.disk).trim()
            } catch {
                logger.warning("a log cannot be trimmed", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension ExitCause {
    /// What a start that the operator could not even make says about the next one.
    fileprivate init(_ error: OperatorError) {
        self =
            switch error.code {
            case .portInUse: .portInUse(error.description)
            case .binaryMissing: .binaryMissing(error.description)
            case .foreign: .dataLocked(error.description)
            default: .failed(code: -1, lastWords: error.description)
            }
    }
}

extension Step {
    /// One word for events.
    fileprivate var eventReason: String {
        switch self {
        case .allocate: "Planned"
        case .adoptRecord: "RecordRebuilt"
        case .begin: "Bootstrapping"
        case .start(_, .new): "MemberStarted"
        case .start(_, .existing): "MemberRestarted"
        case .withdrawLaunch: "StartWithdrawn"
        case .markBootstrapped: "Bootstrapped"
        case .stop: "MembersStopping"
        case .latch: "Latched"
        case .discard: "Discarded"
        }
    }
}
