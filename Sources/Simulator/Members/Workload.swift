import Chance

/// Clients of a world of members: each asks one thing after another, of a member that it likes,
/// about few keys, so that they get into each other's way. Beside them are those who watch
/// (`Observer`) and those who hold leases (`Holder`).
final class Workload {
    private let world: World
    private let clients: [Client]
    private let observers: [Observer]
    private let holders: [Holder]

    init(_ world: World, _ options: Options) {
        self.world = world
        clients = (0..<options.clients).map { Client($0, world, options) }
        observers = (0..<options.observers).map { Observer($0, world, options) }
        holders = (0..<options.holders).map { Holder($0, world) }
    }

    func start() {
        for client in clients { client.rest() }
        for observer in observers { observer.start() }
        for holder in holders { holder.start() }
    }

    /// No client asks anything any more; observers only listen.
    func stop() {
        for client in clients { client.isStopped = true }
        for holder in holders { holder.stop() }
        for observer in observers { observer.finish() }
    }

    var haveObserversSeenAll: Bool {
        observers.allSatisfy(\.isComplete)
    }

    /// What an observer was never told.
    func checkObservers() -> Violation? {
        observers.lazy.compactMap { $0.checkEnd() }.first
    }
}

private final class Client {
    let id: Int
    var isStopped = false
    private unowned let world: World
    private let keys: Int
    private let thinking: Int
    private var generator: Generator
    private var favourite = 0
    private var count = 0
    /// The last revision in which this client saw a key, and its value.
    private var known: [(revision: Int64, value: String)]
    /// Relative weights of put, range of one key, range of all, delete, transaction.
    private let weights: [Int]

    init(_ id: Int, _ world: World, _ options: Options) {
        self.id = id
        self.world = world
        keys = options.keys
        thinking = options.thinking
        generator = world.stage.seed.generator(for: 1_000 + UInt64(id))
        known = Array(repeating: (0, ""), count: options.keys)
        weights = generator.pick([[30, 30, 5, 5, 30], [70, 20, 0, 2, 8], [10, 80, 2, 2, 6]])
    }

    /// Thinks for a while, and then asks.
    func rest() {
        let pause = generator.below(thinking * 1_000 + 1)
        world.stage.plan(in: pause) { [unowned self] in ask() }
    }

    private func ask() {
        if isStopped { return }
        if generator.chance(0.2) || !world.isRunning(favourite) {
            favourite = generator.below(world.machines.count)
        }
        let request = nextRequest()
        let patience = generator.pick([1_000, 4_000, 10_000])
        let token = world.perform(request, by: id, on: favourite) { [unowned self] outcome in
            if case .done(let response) = outcome { learn(request, response) }
            rest()
        }
        guard let token else { return rest() }
        world.stage.plan(in: patience * 1_000) { [unowned self] in world.history.abandon(token) }
    }

    private func learn(_ request: Operation.Request, _ response: Operation.Response) {
        switch response.result {
        case .range(let rows):
            for row in rows {
                guard let key = Int(row.key.dropFirst()), key < keys else { continue }
                known[key] = (row.modRevision, row.value)
            }
        case .put:
            if case .put(let key, let value) = request, let key = Int(key.dropFirst()) {
                known[key] = (response.revision, value)
            }
        case .delete, .txn: break
        }
    }
}

// MARK: - Requests
extension Client {
    private func nextRequest() -> Operation.Request {
        count += 1
        let key = generator.below(keys)
        var roll = generator.below(weights.reduce(0, +))
        let choice = weights.firstIndex { weight in
            roll -= weight
            return roll < 0
        }
        switch choice {
        case 0: return put(key)
        case 1: return .range(Operation.KeyRange("k\(key)"))
        case 2: return .range(Operation.KeyRange("k", end: "l"))
        case 3:
            return .delete(
                generator.chance(0.1)
                    ? Operation.KeyRange("k", end: "l") : Operation.KeyRange("k\(key)")
            )
        default: return transaction(key)
        }
    }

    private func put(_ key: Int) -> Operation.Request {
        count += 1
        return .put(key: "k\(key)", value: "c\(id).\(count)")
    }

    private func transaction(_ key: Int) -> Operation.Request {
        let other = (key + 1) % keys
        var success = [put(key)]
        if other != key, generator.chance(0.4) { success.append(put(other)) }
        if generator.chance(0.3) { success.append(.range(Operation.KeyRange("k\(key)"))) }
        let failure: [Operation.Request] =
            switch generator.below(4) {
            case 0: []
            case 1: [.delete(Operation.KeyRange("k\(other)"))]
            default: [.range(Operation.KeyRange("k\(key)"))]
            }
        if generator.chance(0.05) {
            // Only reads: it takes the way of a read.
            let read = Operation.Request.range(Operation.KeyRange("k\(key)"))
            return .txn(
                compares: [compare(key)],
                success: [read],
                failure: failure.filter(\.isRead)
            )
        }
        var compares = [compare(key)]
        if generator.chance(0.2) { compares.append(compare(other)) }
        return .txn(compares: compares, success: success, failure: failure)
    }

    private func compare(_ key: Int) -> Operation.Compare {
        let name = "k\(key)"
        return switch generator.below(8) {
        case 0: Operation.Compare(name, .equal, .createRevision(0))
        case 1: Operation.Compare(name, .greater, .version(Int64(generator.below(4))))
        case 2: Operation.Compare(name, .notEqual, .value(known[key].value))
        case 3: Operation.Compare(name, .equal, .value(known[key].value))
        case 4: Operation.Compare(name, .less, .modRevision(known[key].revision + 3))
        default: Operation.Compare(name, .equal, .modRevision(known[key].revision))
        }
    }
}
