import Chance
package import Raft

/// How a world of members behaves. Times are in milliseconds of the world; inside it draws in
/// microseconds.
package struct WorldOptions: Sendable {
    package var members = 3
    package var tick = 100
    /// By machine: the length of its second in thousandths; 1000 where there is none.
    package var clocks: [Int] = []
    package var network = Network.Options()
    package var syncDelay = 1...8
    package var backendDelay = 1...10
    package var backendInterval = 100
    /// The part of log writes that are made inside the turn.
    package var inlineWrites = 0.0
    package var segmentSize: Int64 = 64 << 10
    package var snapshotCount: UInt64 = 10_000
    package var catchUpEntries: UInt64 = 5_000
    package var catchUpBytes = 64 << 20
    package var laggardBytes = 256 << 20
    /// So much of a snapshot goes over the network at once.
    package var pieceBytes = 128 << 10
    package var entriesPerTurn = 1_000
    package var pendingBytes = 64 << 20
    package var quotaBytes: Int64 = -1
    package var preVote = true
    package var strictReconfigCheck = true
    package var requestTimeoutTicks = 30
    /// What may wait for one client that watches, in bytes.
    package var watchBytes = 1 << 20
    /// Rows of a slice of history.
    package var watchRows = 1_000
    /// Between two reports of progress to those who want them.
    package var watchReport = 10_000
    /// Between two notes of how much is left of a lease; nil: none are made.
    package var checkpointSeconds: Int64?
    package var bugs: PlantedBugs = []

    package init() {}
}
