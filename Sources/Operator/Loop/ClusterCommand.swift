import ClusterAPI
import Planning

/// What a user orders for one cluster, beside its spec.
package enum ClusterCommand: String, Hashable, Sendable, Codable {
    case down
    case up
    case delete
}

extension ClusterRecord {
    /// Takes an order in. A deletion is not taken back: some of its steps may have been made.
    mutating func order(_ command: ClusterCommand) throws(OperatorError) {
        if desired == .deleted, command != .delete {
            throw OperatorError(
                .refused,
                "\(cluster) is being deleted",
                remedy: "wait for the end; its data will be in the trash of the state directory"
            )
        }
        if accepted.spec.paused {
            throw OperatorError(
                .refused,
                "\(cluster) is paused",
                remedy: "set spec.paused to false first"
            )
        }
        desired =
            switch command {
            case .down: .down
            case .up: .up
            case .delete: .deleted
            }
    }
}
