/// One judgement about a cluster, as Kubernetes writes them.
package struct Condition: Hashable, Sendable, Codable {
    package enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
        /// The spec is met: every wanted member serves and nothing is left to do.
        case ready = "Ready"
        /// Clients can read and write.
        case available = "Available"
        /// The operator is changing something.
        case progressing = "Progressing"
        /// Something is wrong that the operator has not yet put right, or cannot.
        case degraded = "Degraded"
        /// More than half of the voters serve.
        case quorumHealthy = "QuorumHealthy"
        /// The spec is no longer where it was read from.
        case specMissing = "SpecMissing"
    }

    package enum Status: String, CaseIterable, Hashable, Sendable, Codable {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"
    }

    package let type: Kind
    package let status: Status
    /// One word in CamelCase that programs may compare.
    package let reason: String
    package let message: String
    package let lastTransitionTime: Timestamp
    package let observedGeneration: Int64

    package init(
        type: Kind,
        status: Status,
        reason: String,
        message: String,
        lastTransitionTime: Timestamp,
        observedGeneration: Int64
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransitionTime = lastTransitionTime
        self.observedGeneration = observedGeneration
    }
}
