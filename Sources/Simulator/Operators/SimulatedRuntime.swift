import Operator
import Planning

/// The processes of the world, as one run of the operator sees them.
final class SimulatedRuntime: Runtime, @unchecked Sendable {  // because one thread drives the world
    private unowned let world: OperatorWorld
    private let run: OperatorRun

    init(_ world: OperatorWorld, _ run: OperatorRun) {
        self.world = world
        self.run = run
    }

    func adopt(ifOlderThan age: Duration) throws(OperatorError) -> Int {
        try live()
        var adopted = 0
        for process in world.processes
        where process.parent > 0 && run.held[process.data] != process.id {
            run.held[process.data] = process.id
            adopted += 1
        }
        return adopted
    }

    func process(using data: String) -> ProcessState {
        guard let process = world.process(using: data) else { return .none }
        guard run.held[data] == process.id else {
            return process.parent == 0 ? .foreign("process \(process.id) of somebody else") : .none
        }
        return .running(processID: process.id, since: world.monotonic(process.since))
    }

    func isStopping(_ data: String) -> Bool {
        world.process(using: data)?.terminatedAt != nil
    }

    func takeEnded(_ data: String) -> [EndedProcess] {
        run.isDead ? [] : run.ended.removeValue(forKey: data) ?? []
    }

    func users(below directory: String) -> [String] {
        world.processes.filter { !$0.isHidden && $0.data.hasPrefix(directory + "/") }
            .map(\.data).sorted()
    }

    func start(
        _ program: String,
        _ arguments: [String],
        data: String,
        log: String
    ) throws(OperatorError) -> Int32 {
        try live()
        if let process = world.process(using: data) {
            throw OperatorError(.process, "process \(process.id) runs already", at: data)
        }
        world.checker.starts(data)
        world.checker.launches(data, arguments)
        world.launches[String(data.split(separator: "/").dropLast().last ?? "")] = arguments
        let process = world.spawn(data, arguments, parent: run.number)
        run.held[data] = process.id
        return process.id
    }

    func stop(_ data: String, patience: Duration) throws(OperatorError) -> Bool {
        try live()
        guard let process = world.process(using: data), run.held[data] == process.id else {
            return false
        }
        guard let asked = process.terminatedAt else {
            world.checker.stops(process, run)
            process.terminatedAt = world.stage.now
            world.terminate(process)
            return true
        }
        let waited = Duration.microseconds(world.stage.now - asked)
        guard waited >= patience else { return false }
        world.end(process, .signal(9))
        return true
    }

    private func live() throws(OperatorError) {
        if run.isDead { throw OperatorError(.process, "the operator is no more") }
    }
}
