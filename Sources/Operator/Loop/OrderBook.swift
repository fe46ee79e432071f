import ClusterAPI
import Planning

/// Commands that users have given for one cluster, and who waits for them.
struct OrderBook {
    private struct Order {
        let command: ClusterCommand
        let answer: CheckedContinuation<Result<Void, OperatorError>, Never>
        /// Written down; for `down` and `delete` the processes are still to end.
        var isLatched = false
    }

    private var orders: [Order] = []

    var count: Int { orders.count }

    mutating func add(
        _ command: ClusterCommand,
        _ answer: CheckedContinuation<Result<Void, OperatorError>, Never>
    ) {
        orders.append(Order(command: command, answer: answer))
    }

    /// Has each new order written down. Each has an outcome of its own.
    mutating func latch(_ write: (ClusterCommand) throws(OperatorError) -> Void) {
        let all = orders
        orders = all.filter(\.isLatched)
        for order in all where !order.isLatched {
            do throws(OperatorError) {
                try write(order.command)
                var latched = order
                latched.isLatched = true
                orders.append(latched)
            } catch {
                order.answer.resume(returning: .failure(error))
            }
        }
    }

    /// Orders that are not written down cannot be.
    mutating func refuse(_ error: OperatorError) {
        for order in orders where !order.isLatched {
            order.answer.resume(returning: .failure(error))
        }
        orders.removeAll { !$0.isLatched }
    }

    mutating func fail(_ error: OperatorError) {
        for order in orders { order.answer.resume(returning: .failure(error)) }
        orders = []
    }

    /// Answers the orders that are done, and those that will not be before somebody acts.
    ///
    /// - Parameter untold: Why the order is not written down wherever it has to be.
    mutating func answer(
        _ plan: Plan,
        _ record: RecordState,
        hasEnded: Bool,
        failure: String?,
        untold: OperatorError?
    ) {
        let all = orders
        orders = []
        for order in all {
            var result = OrderBook.outcome(of: order, plan, record, hasEnded, failure)
            if case .success? = result, order.command == .down, let untold {
                let what = "the members are stopped, and would start again if cluster.json got lost"
                result = .failure(OperatorError(.refused, "\(what): \(untold)"))
            }
            if let result {
                order.answer.resume(returning: result)
            } else {
                orders.append(order)
            }
        }
    }

    /// Nil while it is under way.
    private static func outcome(
        of order: Order,
        _ plan: Plan,
        _ record: RecordState,
        _ hasEnded: Bool,
        _ failure: String?
    ) -> Result<Void, OperatorError>? {
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
}
