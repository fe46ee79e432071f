/// What a search has to know of the system that gave the answers.
protocol SequentialModel {
    associatedtype State: Hashable

    var initial: State { get }

    /// The states in which the operation may leave the system. None: its answer does not fit.
    func states(after operation: Operation, in state: State) -> [State]
}

/// Looks for an order of operations that explains all answers (Wing and Gong, with Lowe's cache).
///
/// Calls and returns stand in one list, by time:
///
///     call a | call b | return b | call c | return a | return c
///
/// An operation whose call comes before the first return may be the next to take effect. It is
/// tried on the state; if its answer fits, its call and return leave the list, and the search goes
/// on from the head. Reaching a return means that this operation had to take effect before: the
/// last one tried goes back into the list, and the next one is tried in its place. What has been
/// reached once (which operations, which state) is not searched again.
///
/// An operation of unknown outcome has no return: nothing ever forces it to take effect.
struct LinearSearch<Model: SequentialModel> {
    enum Outcome {
        case linearizable
        /// No order exists; the longest that was found, and the operation that then had to take
        /// effect and could not.
        case contradiction(longest: [Int], blocked: Int?)
        /// The steps ran out.
        case undecided(longest: [Int])
    }

    private struct Reached: Hashable {
        let done: [UInt64]
        let state: Model.State
    }

    private struct Choice {
        let event: Int
        /// The state before, and where it may lead.
        let state: Model.State
        let states: [Model.State]
        var position: Int
    }

    private let model: Model
    private let operations: [Operation]
    /// For each event its operation; the head of the list is behind the last one.
    private var operationOf: [Int] = []
    private var isReturn: [Bool] = []
    private var returnOf: [Int?]
    private var next: [Int] = []
    private var previous: [Int] = []

    private var state: Model.State
    private var done: [UInt64]
    private var openReturns: Int
    private var choices: [Choice] = []
    private var reached: Set<Reached> = []
    private var longest: [Int] = []
    private var blocked: Int?

    init(_ model: Model, _ operations: [Operation]) {
        self.model = model
        self.operations = operations
        state = model.initial
        done = [UInt64](repeating: 0, count: operations.count / 64 + 1)
        returnOf = [Int?](repeating: nil, count: operations.count)
        openReturns = operations.count { $0.returned != nil }
        // At one time the calls come first: the operations overlap.
        var events: [(time: Int, isReturn: Bool, operation: Int)] = []
        for (number, operation) in operations.enumerated() {
            events.append((operation.invoked, false, number))
            if let returned = operation.returned { events.append((returned, true, number)) }
        }
        events.sort {
            ($0.time, $0.isReturn ? 1 : 0, $0.operation)
                < ($1.time, $1.isReturn ? 1 : 0, $1.operation)
        }
        for (position, event) in events.enumerated() {
            operationOf.append(event.operation)
            isReturn.append(event.isReturn)
            if event.isReturn { returnOf[event.operation] = position }
        }
        let count = events.count
        next = (0..<count).map { $0 + 1 } + [0]
        previous = (0..<count).map { $0 == 0 ? count : $0 - 1 } + [max(0, count - 1)]
    }

    /// Searches until there is an answer, or `steps` tries were made; takes off what it used.
    mutating func run(steps: inout Int) -> Outcome {
        let head = operationOf.count
        var event = next[head]
        while openReturns > 0 {
            guard event != head, !isReturn[event] else {
                if event != head, choices.count >= longest.count { blocked = operationOf[event] }
                guard let following = goBack() else {
                    return .contradiction(longest: longest, blocked: blocked)
                }
                event = following
                continue
            }
            guard steps > 0 else { return .undecided(longest: longest) }
            steps -= 1
            let operation = operations[operationOf[event]]
            let states = model.states(after: operation, in: state).filter {
                // What is not known to have happened is tried only where it matters.
                operation.returned != nil || $0 != state
            }
            let choice = Choice(event: event, state: state, states: states, position: 0)
            event = take(choice) ? next[head] : next[event]
        }
        return .linearizable
    }

    /// Lets the choice's operation take effect, in the first way not reached before; false when
    /// there is none.
    private mutating func take(_ choice: Choice) -> Bool {
        let operation = operationOf[choice.event]
        var choice = choice
        while choice.position < choice.states.count {
            let after = choice.states[choice.position]
            choice.position += 1
            done[operation / 64] |= 1 << UInt64(operation % 64)
            if reached.insert(Reached(done: done, state: after)).inserted {
                state = after
                unlink(choice.event)
                if let end = returnOf[operation] {
                    unlink(end)
                    openReturns -= 1
                }
                choices.append(choice)
                if choices.count > longest.count {
                    longest = choices.map { operationOf[$0.event] }
                    blocked = nil
                }
                return true
            }
            done[operation / 64] &= ~(1 << UInt64(operation % 64))
        }
        return false
    }

    /// Takes the last choice back; gives the event to go on with, nil when there is no choice.
    private mutating func goBack() -> Int? {
        guard let choice = choices.popLast() else { return nil }
        let operation = operationOf[choice.event]
        if let end = returnOf[operation] {
            link(end)
            openReturns += 1
        }
        link(choice.event)
        done[operation / 64] &= ~(1 << UInt64(operation % 64))
        state = choice.state
        return take(choice) ? next[operationOf.count] : next[choice.event]
    }

    private mutating func unlink(_ event: Int) {
        next[previous[event]] = next[event]
        previous[next[event]] = previous[event]
    }

    /// Undoes `unlink`, when all that was unlinked later is linked again.
    private mutating func link(_ event: Int) {
        next[previous[event]] = event
        previous[next[event]] = event
    }
}

/// The whole store, with revisions.
struct WholeStore: SequentialModel {
    let initial = StoreModel()

    func states(after operation: Operation, in state: StoreModel) -> [StoreModel] {
        var after = state
        let response = after.apply(operation.request)
        if let told = operation.response, told != response { return [] }
        return [after]
    }
}
