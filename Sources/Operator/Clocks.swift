package import ClusterAPI

/// The two clocks of a machine, as one cluster's worker reads them.
package struct Clocks: Sendable {
    /// Never goes back, and goes on during sleep. Since some moment before the operator started.
    let monotonicNow: @Sendable () -> Duration
    let wallNow: @Sendable () -> Timestamp

    package init(
        monotonicNow: @escaping @Sendable () -> Duration,
        wallNow: @escaping @Sendable () -> Timestamp
    ) {
        self.monotonicNow = monotonicNow
        self.wallNow = wallNow
    }

    package static let machine = Clocks(
        monotonicNow: Operator.monotonicNow,
        wallNow: Operator.wallNow
    )
}
