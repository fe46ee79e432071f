import CLinux
import Glibc
package import Planning
import Storage
import Synchronization

/// The processes of the members on this machine.
///
/// A member runs in a session of its own and knows nothing of the operator, which may end and
/// come back: it then finds its members by their data directories (safety rule 34). Each process
/// is held by a pidfd, so that a signal can never reach another process that got its number.
package final class LocalRuntime: Runtime {
    private struct Running {
        let facts: ProcessFacts
        let descriptor: Int32
        let watch: FileEvents.Key
        let since: Duration
        let isChild: Bool
        let ended: Latch
        var terminated: Duration?
        var killed = false
    }

    private struct State {
        var running: [String: Running] = [:]
        var foreign: [String: String] = [:]
        var ended: [String: [EndedProcess]] = [:]
        var scanned: Duration?
    }

    private let table: ProcessTable
    private let events: FileEvents
    private let state = Mutex(State())
    /// Held from the look at the process table until what it showed is held, and from the start of
    /// a process until it is: so nobody takes another's child, just born, for one to be adopted.
    private let taking = Mutex(())
    /// Data directories whose process just ended.
    let exits: AsyncStream<String>
    private let exited: AsyncStream<String>.Continuation

    /// - Parameter root: The state directory; only processes with data below it are ours.
    package init(root: String, events: FileEvents) {
        table = ProcessTable(stateDirectory: root)
        self.events = events
        // One element per process at most is waiting; a lost one would only delay a pass.
        (exits, exited) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
    }

    deinit {
        for process in state.withLock({ $0.running.values.map { ($0.watch, $0.descriptor) } }) {
            events.forget(process.0)
            close(process.1)
        }
        exited.finish()
    }

    /// Looks for processes that use the data directories of any member of this state directory:
    /// ours are adopted, others remembered as foreign. Returns how many were adopted now.
    ///
    /// - Parameter age: A look at the process table that is no older than this will do.
    @discardableResult
    package func adopt(ifOlderThan age: Duration) throws(OperatorError) -> Int {
        try taking.withLock { _ throws(OperatorError) in try look(ifOlderThan: age) }
    }

    /// The caller holds `taking`.
    private func look(ifOlderThan age: Duration) throws(OperatorError) -> Int {
        let now = monotonicNow()
        let isFresh = state.withLock { $0.scanned.map { now - $0 < age } ?? false }
        if isFresh { return 0 }
        let found = try table.users()
        var adopted = 0
        var foreign: [String: String] = [:]
        for (data, processes) in found {
            for process in processes where !isTracked(process, data) {
                if let problem = objection(to: process, processes) {
                    // One of ours may have ended since the list was read: then it is not tracked
                    // any more, and what an ended process runs nobody can tell.
                    if table.isAlive(process) { foreign[data] = problem }
                } else if try track(process, data, isChild: false) {
                    adopted += 1
                }
            }
        }
        state.withLock { state in
            state.foreign = foreign
            state.scanned = now
        }
        return adopted
    }

    /// What runs for a data directory.
    package func process(using data: String) -> ProcessState {
        state.withLock { state in
            if let running = state.running[data] {
                return .running(processID: running.facts.id, since: running.since)
            }
            return state.foreign[data].map(ProcessState.foreign) ?? .none
        }
    }

    package func isStopping(_ data: String) -> Bool {
        state.withLock { $0.running[data]?.terminated != nil }
    }

    /// The ends of processes since the last call, oldest first.
    package func takeEnded(_ data: String) -> [EndedProcess] {
        state.withLock { $0.ended.removeValue(forKey: data) ?? [] }
    }

    /// The data directories below a directory for which a process runs, known or foreign.
    package func users(below directory: String) -> [String] {
        state.withLock { state in
            (Array(state.running.keys) + Array(state.foreign.keys))
                .filter { $0.hasPrefix(directory + "/") }.sorted()
        }
    }

    /// Starts a program that uses a data directory, unless any process uses it already.
    package func start(
        _ program: String,
        _ arguments: [String],
        data: String,
        log: String
    ) throws(OperatorError) -> Int32 {
        try taking.withLock { _ throws(OperatorError) in
            _ = try look(ifOlderThan: .zero)
            switch process(using: data) {
            case .none: break
            case .running(let id, _):
                throw OperatorError(.process, "process \(id) runs already", at: data)
            case .foreign(let why):
                throw OperatorError(.foreign, why, at: data, remedy: "stop that process")
            }
            let output = try MemberLog(path: log, disk: FileDisk()).start()
            defer { close(output) }
            return try spawnChild(program, arguments, data, output)
        }
    }

    /// The caller holds `taking`.
    private func spawnChild(
        _ program: String,
        _ arguments: [String],
        _ data: String,
        _ output: Int32
    ) throws(OperatorError) -> Int32 {
        let id = spawn(program, [program] + arguments, memberEnvironment(), output)
        guard id > 0 else {
            throw OperatorError(
                .binaryMissing,
                "the program cannot be executed: \(systemMessage(-id))",
                at: program
            )
        }
        // Our own child stays, at least as a zombie, until we take its exit status.
        do throws(OperatorError) {
            guard let facts = table.facts(id), try track(facts, data, isChild: true) else {
                throw OperatorError(.process, "process \(id) cannot be seen in /proc", at: program)
            }
        } catch {
            // Nobody would hold it: it must not go on.
            LocalRuntime.endChild(id)
            throw error
        }
        return id
    }

    /// Asks a process to end, and makes it end when it has been asked long enough. True when a
    /// signal was sent. The end itself comes as an exit.
    package func stop(_ data: String, patience: Duration) throws(OperatorError) -> Bool {
        let order: (descriptor: Int32, signal: Int32)? = state.withLock { state in
            guard var running = state.running[data] else { return nil }
            defer { state.running[data] = running }
            guard let asked = running.terminated else {
                running.terminated = monotonicNow()
                return (running.descriptor, SIGTERM)
            }
            guard !running.killed, monotonicNow() - asked >= patience else { return nil }
            running.killed = true
            return (running.descriptor, SIGKILL)
        }
        guard let order else { return false }
        let result = clinux_pidfd_signal(order.descriptor, order.signal)
        // ESRCH: it has ended, and the exit is on its way.
        guard result == 0 || result == -ESRCH else {
            throw OperatorError(
                .process,
                "the process cannot be stopped: \(systemMessage(-result))",
                at: data
            )
        }
        return true
    }

    /// Stops processes and waits until the kernel has shown that each has ended (safety rule 12).
    /// One that cannot be stopped keeps none of the others from being stopped.
    package func stopAll(_ data: [String], patience: Duration) async throws(OperatorError) {
        var failure: OperatorError?
        for directory in data {
            do throws(OperatorError) {
                _ = try stop(directory, patience: patience)
            } catch {
                failure = failure ?? error
            }
        }
        for directory in data {
            do throws(OperatorError) {
                try await awaitEnd(directory, patience)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func awaitEnd(_ data: String, _ patience: Duration) async throws(OperatorError) {
        guard let ended = state.withLock({ $0.running[data]?.ended }) else { return }
        if await ended.wait(atMost: patience) { return }
        _ = try stop(data, patience: .zero)
        guard await ended.wait(atMost: .seconds(10)) else {
            throw OperatorError(
                .process,
                "the process does not end, not even when killed",
                at: data,
                remedy: "see what it waits for (state D in ps: the disk)"
            )
        }
    }

    /// How a process ended; nil while it has not. Only its parent can know more than that it did,
    /// and who is the parent the kernel knows best: a runtime may have been opened a second time in
    /// the process that started the member, and a child that nobody waits for stays a zombie.
    private static func exitStatus(of process: Running) -> ExitStatus? {
        var result = clinux_exit()
        switch unsafe clinux_pidfd_reap(process.descriptor, &result) {
        case 0: return nil
        case 1: return result.by_signal ? .signal(result.value) : .code(result.value)
        default: return .unseen
        }
    }

    private static func endChild(_ id: Int32) {
        kill(id, SIGKILL)
        while waitpid(id, nil, 0) < 0, errno == EINTR {}
    }

    private func isTracked(_ process: ProcessFacts, _ data: String) -> Bool {
        state.withLock { state in
            guard let known = state.running[data]?.facts else { return false }
            return known.id == process.id && known.startTicks == process.startTicks
        }
    }

    /// Why a process that uses a member's data directory is not taken as ours.
    private func objection(to process: ProcessFacts, _ all: [ProcessFacts]) -> String? {
        let who = "process \(process.id) (\(table.program(process)))"
        guard process.userID == geteuid() else {
            return "\(who) of another user uses its data directory"
        }
        guard table.runsOurProgram(process.id) else {
            return "\(who) uses its data directory and was not started by an operator"
        }
        guard all.count == 1 else {
            return "\(all.count) processes use its data directory: "
                + all.map { "\($0.id)" }.joined(separator: ", ")
        }
        return nil
    }

    /// Takes hold of a process; false when it is gone, or its number is somebody else's by now.
    private func track(
        _ process: ProcessFacts,
        _ data: String,
        isChild: Bool
    ) throws(OperatorError) -> Bool {
        let descriptor = clinux_pidfd_open(process.id)
        if descriptor == -ESRCH { return false }
        guard descriptor >= 0 else {
            throw OperatorError(
                .process,
                "process \(process.id) cannot be held: \(systemMessage(-descriptor))",
                at: data
            )
        }
        // The descriptor names a process for ever; now see that it is the one we meant.
        guard let again = table.facts(process.id), again.startTicks == process.startTicks else {
            close(descriptor)
            return false
        }
        let ended = Latch()
        let watch: FileEvents.Key
        do throws(OperatorError) {
            watch = try events.watch(descriptor) { [weak self] in
                self?.sawEnd(of: process.id, data)
            }
        } catch {
            close(descriptor)
            throw error
        }
        let running = Running(
            facts: process,
            descriptor: descriptor,
            watch: watch,
            since: isChild ? monotonicNow() : monotonicNow() - .seconds(60),
            isChild: isChild,
            ended: ended
        )
        // The end of one before it may not have been told yet.
        if let before = state.withLock({ $0.running[data]?.facts.id }) { sawEnd(of: before, data) }
        let isFirst = state.withLock { state in
            guard state.running[data] == nil else { return false }
            state.running[data] = running
            return true
        }
        guard isFirst else {
            events.forget(watch)
            close(descriptor)
            throw OperatorError(
                .foreign,
                "process \(process.id) uses it beside the one that does already",
                at: data,
                remedy: "stop process \(process.id)"
            )
        }
        // It may have ended, and been reported, before the entry was there.
        if isChild || clinux_pidfd_signal(descriptor, 0) == -ESRCH {
            sawEnd(of: process.id, data)
        }
        return true
    }

    /// The pidfd is readable: the process has ended.
    private func sawEnd(of id: Int32, _ data: String) {
        let ended: Running? = state.withLock { state in
            guard let running = state.running[data], running.facts.id == id else { return nil }
            guard let status = LocalRuntime.exitStatus(of: running) else { return nil }
            state.running[data] = nil
            let end = EndedProcess(
                status: status,
                at: monotonicNow(),
                ranFor: monotonicNow() - running.since,
                witnessed: running.isChild,
                wasAsked: running.terminated != nil
            )
            state.ended[data, default: []].append(end)
            return running
        }
        guard let ended else { return }
        events.forget(ended.watch)
        close(ended.descriptor)
        ended.ended.open()
        exited.yield(data)
    }
}

/// `clinux_spawn` with Swift's texts.
func spawn(
    _ program: String,
    _ arguments: [String],
    _ environment: [String],
    _ output: Int32
) -> Int32 {
    var argumentPointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var environmentPointers = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
        unsafe argumentPointers.forEach { unsafe free($0) }
        unsafe environmentPointers.forEach { unsafe free($0) }
    }
    return unsafe clinux_spawn(program, &argumentPointers, &environmentPointers, output)
}
