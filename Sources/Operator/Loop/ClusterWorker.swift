package import ClusterAPI
package import Logging
package import Planning

/// Observes, plans and acts for one cluster, again and again, until it is discarded.
///
/// Every pass starts from what is: nothing is resumed. Clusters have workers of their own, so one
/// that hangs delays no other; reasons to look again ring a bell, and many rings are one look.
package actor ClusterWorker {
    package nonisolated let name: ClusterName
    nonisolated let bell = Bell()

    private let directory: ClusterDirectory
    private let executor: Executor
    private let planner: @Sendable (Observation) -> Plan
    private let catalog: @Sendable () -> SpecCatalog
    private let clocks: Clocks
    private let logger: Logger
    private var observer: ClusterObserver
    private var reporter: Reporter
    private var record: RecordState = .absent
    private var orders = OrderBook()
    /// The record that every member's copy agrees with, as far as is known.
    private var told: ClusterRecord?
    /// Why some member's copy does not agree with the record; nil when all do.
    private var untold: OperatorError?
    private var failures = 0
    /// The cluster was discarded, or never came to be: there is nothing left to do.
    package private(set) var hasEnded = false
    private let aside: Aside
    /// A step that takes long is carried out beside the passes, so that what ends meanwhile is
    /// started again and orders are obeyed.
    private var underWay: (step: Step, reason: String)?
    /// What came of it.
    private var result: Result<Executor.Outcome, OperatorError>?

    /// Has something done while the caller goes on.
    package typealias Aside = @Sendable (@escaping @Sendable () async -> Void) -> Void

    /// - Parameters:
    ///   - planner: What decides; the simulator plants mistakes here.
    ///   - aside: Where what takes long is done.
    package init(
        directory: ClusterDirectory,
        observer: ClusterObserver,
        executor: Executor,
        planner: @escaping @Sendable (Observation) -> Plan = Planning.plan,
        catalog: @escaping @Sendable () -> SpecCatalog,
        progress: AsyncStream<Progress>.Continuation,
        clocks: Clocks = .machine,
        aside: @escaping Aside = { body in _ = Task { await body() } },
        logger: Logger
    ) {
        name = directory.name
        self.aside = aside
        self.directory = directory
        self.observer = observer
        self.executor = executor
        self.planner = planner
        self.catalog = catalog
        self.clocks = clocks
        self.logger = logger
        reporter = Reporter(
            directory: directory,
            progress: progress,
            clocks: clocks,
            logger: logger
        )
    }

    /// Works until the cluster is discarded or the task is cancelled.
    func run() async {
        while !Task.isCancelled, !hasEnded {
            let wait = await pass()
            if hasEnded { break }
            await bell.wait(atMost: wait)
        }
        hasEnded = true
        orders.fail(OperatorError(.control, "the operator is stopping"))
        await observer.close()
    }

    /// Gives a command and waits until it is carried out: `down` and `delete` when the last
    /// process has ended.
    package func perform(_ command: ClusterCommand) async throws(OperatorError) {
        guard !hasEnded else { throw OperatorError(.notFound, "\(name) is no more") }
        let result = await withCheckedContinuation { continuation in
            orders.add(command, continuation)
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
        let missing = specs.missing(name, at: clocks.monotonicNow())
        reporter.begin()
        settle()
        let doubt = specs.rejection(name) ?? specs.outOfReach(name)
        let (cluster, refusal) = prepare(declared, missing, doubt)
        if hasEnded { return .zero }
        // A step that changed the record may not have reached them all.
        if case .read(let known) = record, known != told { renewCopies(known) }
        var failure = refusal?.description
        var (seen, plan, exits) = await decide(cluster, missing, specs)
        if Task.isCancelled { return .zero }
        reporter.tell(plan, exits)
        let notYet = await execute(plan, seen, cluster, declared.file)
        if let notYet {
            plan.waitingFor = notYet
            plan.recheckAfter = .seconds(1)
        }
        if let trouble = reporter.trouble {
            failure = failure ?? trouble.description
            reporter.tellFailure(trouble)
        }
        failures = failure == nil ? 0 : failures + 1
        defer { orders.answer(plan, record, hasEnded: hasEnded, failure: failure, untold: untold) }
        if hasEnded { return .zero }
        // What the steps have changed shows at once; of a record that has just been found nobody
        // was looked at.
        if case .read(let known) = record,
            known.members.count == seen.members.count || seen.members.isEmpty
        {
            seen.record = record
        }
        reporter.update(seen, plan, failure)
        if failure != nil {
            plan.recheckAfter = min(.seconds(30), .milliseconds(250) * (1 << min(failures, 7)))
        }
        trimLogs()
        return plan.recheckAfter
    }

    /// Looks and plans. What has ended is started again on what the others said a moment before;
    /// everything else waits for what they say now.
    private func decide(
        _ cluster: EtcdCluster,
        _ missing: SpecMissing?,
        _ specs: SpecCatalog
    ) async -> (Observation, Plan, [ClusterObserver.Exit]) {
        var exits: [ClusterObserver.Exit] = []
        var mayRecall = true
        while true {
            // Nobody but a pass touches the observer, and passes do not overlap.
            var looking = observer
            let sight = await looking.observe(
                cluster,
                missing: missing,
                record: record,
                mayRecall: mayRecall
            )
            observer = looking
            exits += sight.exits
            if let step = sight.clockStep { reporter.tellClock(step) }
            var seen = sight.observation
            seen.rejected = specs.rejection(name)
            seen.outOfReach = specs.outOfReach(name)
            seen.underWay = underWay?.step
            do throws(OperatorError) {
                try keepLogs(&seen)
            } catch {
                // What cannot be written down must not be acted upon.
                seen.record = .unusable(error.description)
            }
            let plan = planner(seen)
            let onlyStarts = !plan.steps.isEmpty && plan.steps.allSatisfy(\.isRestart)
            if !sight.isRecalled || onlyStarts { return (seen, plan, exits) }
            mayRecall = false
        }
    }

    /// Reads the record, takes a changed spec and the commands into it. Returns the cluster as it
    /// is on disk, which is what is acted upon, and why a changed spec could not be written there.
    private func prepare(
        _ declared: SpecCatalog.Declared,
        _ missing: SpecMissing?,
        _ doubt: String?
    ) -> (EtcdCluster, OperatorError?) {
        var cluster = declared.cluster
        cluster.metadata.generation = 1
        do throws(OperatorError) {
            switch record {
            case .absent, .unusable:
                record = try directory.record().map(RecordState.read) ?? .absent
                guard case .read(let known) = record else { break }
                executor.reserve(known)
                // Whoever wrote it may have ended before the copies were told.
                renewCopies(known)
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
                reporter.tellFailure(error)
            }
        }
        orders.latch { command throws(OperatorError) in
            try latch(command, missing, doubt)
        }
        guard case .read(let known) = record else { fatalError("the record of \(name) is lost") }
        return (known.accepted, refusal)
    }

    /// On disk first, in memory then.
    private func save(_ changed: ClusterRecord) throws(OperatorError) {
        try directory.save(changed)
        record = .read(changed)
    }

    private func keepLogs(_ seen: inout Observation) throws(OperatorError) {
        guard case .read(var known) = record, known.phase != .planned else { return }
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
        let message = "generation \(wanted.metadata.generation) from \(declared.file)"
        reporter.tell(.normal, "SpecAccepted", message)
    }

    private func latch(
        _ command: ClusterCommand,
        _ missing: SpecMissing?,
        _ doubt: String?
    ) throws(OperatorError) {
        guard case .read(var changed) = record else { return }
        if command == .delete, missing == nil, let doubt {
            throw OperatorError(
                .refused,
                "nobody can tell whether \(changed.source) still declares \(name): \(doubt)",
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
        if changed.desired != before { try save(changed) }
        // Also of an order that was given before: the copies may have missed it then.
        renewCopies(changed)
        guard changed.desired != before else { return }
        // It is done once it is saved; a line that is lost must not look like a refusal.
        let reason = "`\(command.rawValue)` was asked for"
        reporter.journal(.latch(changed.desired), reason, result: "done")
        reporter.tell(.normal, "Ordered", reason)
    }

    /// Has every copy say what the record does, which matters if the record gets lost.
    private func renewCopies(_ record: ClusterRecord) {
        let problem = directory.renewCopies(record).first
        if let problem, problem != untold {
            logger.warning("a copy is out of date", metadata: ["error": "\(problem)"])
        }
        untold = problem
        told = problem == nil ? record : nil
    }

    /// Takes the steps in order; a step that fails ends them. Starts are independent of each other:
    /// the failure of one must not keep another member down. Returns what a step has to wait for.
    private func execute(
        _ plan: Plan,
        _ seen: Observation,
        _ cluster: EtcdCluster,
        _ source: String
    ) async -> String? {
        var waiting: String?
        for step in plan.steps {
            let reason = plan.reason(for: step)
            let isFirst = step.startsFirst(of: record)
            if !step.isRestart { observer.outdate() }
            var known: ClusterRecord? = if case .read(let record) = record { record } else { nil }
            if let full = observer.fleet.hindrance(to: step, of: name) { return full }
            if step.takesLong {
                begin(step, reason, known, cluster, source, seen)
                return step.end
            }
            if case .moveLeader = step { observer.noteHandover() }
            // The journal goes to the trash with the rest, so this is written before.
            if step == .discard { reporter.journal(step, reason, result: "begun") }
            let outcome: Executor.Outcome
            do throws(OperatorError) {
                outcome = try await executor.run(step, &known, cluster, source: source, seen)
            } catch {
                if let known { record = .read(known) }
                reporter.journal(step, reason, result: error.description)
                reporter.note(error)
                guard case .start(let member, _) = step else { return waiting }
                observer.countFailure(member, ExitCause(error), isFirst: isFirst)
                continue
            }
            if let known { record = .read(known) }
            if case .notYet(let why) = outcome {
                guard case .start = step else { return why }
                waiting = waiting ?? why
                continue
            }
            tell(outcome, of: step, reason, isFirst: isFirst)
            if hasEnded { return nil }
        }
        return waiting
    }

    /// Remembers and reports what a step has brought about.
    private func tell(
        _ outcome: Executor.Outcome,
        of step: Step,
        _ reason: String,
        isFirst: Bool
    ) {
        var change: (from: String, to: String)?
        switch outcome {
        case .unchanged, .notYet: return
        case .discarded(let place):
            hasEnded = true
            reporter.tellEnd(place)
            return
        case .found(let finding): observer.note(finding)
        case .changed(let before, let after): change = (before, after)
        case .done: break
        }
        if case .start(let member, _) = step, !isFirst { observer.countRestart(member) }
        if case .restart(let member) = step { observer.noteRestart(member) }
        if step.isMutation {
            reporter.journal(step, reason, from: change?.from, to: change?.to, result: "done")
        }
        if let word = isFirst ? "MemberStarted" : step.eventReason {
            reporter.tell(.normal, word, "\(step): \(reason)")
        }
    }

    /// Has a step carried out beside the passes. None of those changes the record.
    private func begin(
        _ step: Step,
        _ reason: String,
        _ record: ClusterRecord?,
        _ cluster: EtcdCluster,
        _ source: String,
        _ seen: Observation
    ) {
        underWay = (step, reason)
        aside { [executor] in
            var record = record
            do throws(OperatorError) {
                let outcome = try await executor.run(step, &record, cluster, source: source, seen)
                await self.finish(.success(outcome))
            } catch {
                await self.finish(.failure(error))
            }
        }
    }

    private func finish(_ result: Result<Executor.Outcome, OperatorError>) {
        self.result = result
        bell.ring()
    }

    /// Takes note of the end of what was done beside the passes.
    private func settle() {
        guard let (step, reason) = underWay, let result else { return }
        (underWay, self.result) = (nil, nil)
        observer.fleet.ended(step, of: name)
        observer.outdate()
        if case .defragment(let member) = step { observer.excuse(member) }
        switch result {
        case .success(let outcome): tell(outcome, of: step, reason, isFirst: false)
        case .failure(let error):
            reporter.journal(step, reason, result: error.description)
            reporter.note(error)
        }
    }

    private func refuseOrders() {
        let why =
            if case .unusable(let reason) = record { reason } else { "\(name) was never started" }
        orders.refuse(OperatorError(.refused, why))
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
    /// It starts a member on the data that it has.
    fileprivate var isRestart: Bool {
        if case .start(_, .existing) = self { true } else { false }
    }

    /// It starts a member that has never run.
    fileprivate func startsFirst(of record: RecordState) -> Bool {
        guard case .start(let name, _) = self, case .read(let known) = record else { return false }
        return known.member(name)?.launched == false
    }

    /// It rewrites or reads whole databases, and the member may answer nobody meanwhile.
    fileprivate var takesLong: Bool {
        switch self {
        case .defragment, .compact, .compareHashes: true
        default: false
        }
    }

    /// False of what only looks.
    fileprivate var isMutation: Bool { self != .compareHashes }
}
