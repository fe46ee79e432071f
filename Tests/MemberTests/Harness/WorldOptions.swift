import TestKit

/// How a simulated world behaves. Times are in milliseconds of the world.
struct WorldOptions {
    var members = 3
    var tick = 100
    var messageDelay = 1...5
    /// The part of messages that is lost, and that arrives twice.
    var loss = 0.0
    var duplication = 0.0
    var syncDelay = 1...8
    var backendDelay = 1...10
    var backendInterval = 100
    var segmentSize: Int64 = 64 << 10
    var snapshotCount: UInt64 = 10_000
    var catchUpEntries: UInt64 = 5_000
    var catchUpBytes = 64 << 20
    var entriesPerTurn = 1_000
    var pendingBytes = 64 << 20
    var quotaBytes: Int64 = -1
    var requestTimeoutTicks = 30
    var bug = Bug.none

    /// A mistake made on purpose, to see whether the checks find it.
    enum Bug {
        case none
        /// Says that a write is durable without a sync.
        case skipsSync
        /// Reads without asking the leader.
        case readsAtOnce
    }

    /// Everything may be slow or lost, how much depends on the seed.
    static func swarm(_ generator: inout Generator) -> WorldOptions {
        var options = WorldOptions()
        options.members = generator.pick([1, 3, 3, 3, 5])
        options.messageDelay = 1...generator.pick([2, 10, 60])
        options.loss = generator.pick([0, 0.01, 0.1])
        options.duplication = generator.pick([0, 0.05])
        options.syncDelay = 0...generator.pick([1, 10, 80])
        options.backendDelay = 1...generator.pick([5, 200])
        options.backendInterval = generator.pick([10, 100, 700])
        options.segmentSize = generator.pick([2 << 10, 64 << 10])
        options.entriesPerTurn = generator.pick([1, 3, 1_000])
        return options
    }
}
