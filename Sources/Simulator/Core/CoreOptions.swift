import Chance
import Raft

/// How nodes of a world of bare consensus are set up, beyond what worlds have in common.
package struct CoreOptions: Sendable {
    package var asyncStorage = true
    package var preVote = true
    package var checkQuorum = true
    package var leaseBasedReads = false
    package var forwardsProposals = true
    package var stepsDownOnRemoval = true
    package var maxSizePerMessage = 1 << 20
    package var maxInflightMessages = 256
    package var maxApplyingSize = 1 << 20
    /// How long applying a batch of entries takes, in milliseconds.
    package var applyDelay = 0...1
    /// Machines that are not members at first.
    package var spares = 0
    /// Entries that stay in the log when a snapshot is taken.
    package var entriesKept: UInt64 = 10

    package init() {}

    static func swarm(_ generator: inout Generator) -> CoreOptions {
        var options = CoreOptions()
        options.asyncStorage = generator.chance(0.7)
        options.preVote = generator.chance(0.6)
        options.checkQuorum = generator.chance(0.6)
        options.leaseBasedReads = options.checkQuorum && generator.chance(0.2)
        options.forwardsProposals = generator.chance(0.8)
        options.stepsDownOnRemoval = generator.chance(0.7)
        options.maxSizePerMessage = generator.pick([1, 40, 200, 1 << 20])
        options.maxInflightMessages = generator.pick([1, 3, 256])
        options.maxApplyingSize = generator.pick([1, 100, 1 << 20])
        options.applyDelay = 0...generator.pick([0, 5, 100])
        options.spares = generator.pick([1, 2, 3])
        options.entriesKept = generator.pick([0, 5, 50])
        return options
    }

    var summary: String {
        let parts = [
            asyncStorage ? "asynchronous storage" : "synchronous storage",
            "pre-vote \(preVote)", "check-quorum \(checkQuorum)", "leases \(leaseBasedReads)",
            "forwarding \(forwardsProposals)", "step-down on removal \(stepsDownOnRemoval)",
            "messages of \(maxSizePerMessage) bytes, \(maxInflightMessages) in flight",
            "applying \(maxApplyingSize) bytes in \(applyDelay) ms",
            "\(spares) spare machines", "\(entriesKept) entries kept behind a snapshot",
        ]
        return parts.joined(separator: ", ")
    }
}
