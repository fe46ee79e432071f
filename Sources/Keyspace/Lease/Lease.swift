internal import EtcdProto
internal import SwiftProtobuf

/// A lease as every member knows it: for how long it was granted, and which keys end with it. When
/// that is, only the leader knows.
package struct Lease: Sendable {
    package let id: LeaseID
    /// In seconds.
    package internal(set) var grantedTTL: Int64
    /// The seconds that the last checkpoint left it; 0 when none counts.
    package internal(set) var remainingTTL: Int64
    /// Of keys that exist, in any order.
    var keys: [[UInt8]] = []

    package init(id: LeaseID, grantedTTL: Int64, remainingTTL: Int64 = 0) {
        self.id = id
        self.grantedTTL = grantedTTL
        self.remainingTTL = remainingTTL
    }

    /// The keys that end with it, in byte order.
    package var sortedKeys: [[UInt8]] {
        keys.sorted { $0.precedes($1) }
    }

    // MARK: Its row

    /// The bytes of the `leasepb.Lease` that is kept of it.
    var row: [UInt8] {
        var message = LeasepbLease()
        message.id = id.rawValue
        message.ttl = grantedTTL
        message.remainingTtl = remainingTTL
        do {
            return try message.serializedBytes()
        } catch {
            fatalError("three numbers cannot be encoded: \(error)")
        }
    }

    /// Reads a row; nil when it is not a lease's.
    init?(row: [UInt8]) {
        guard let message = try? LeasepbLease(serializedBytes: row), message.id != 0 else {
            return nil
        }
        self.init(
            id: LeaseID(message.id),
            grantedTTL: message.ttl,
            remainingTTL: message.remainingTtl
        )
    }
}

/// What of the way of leases is not in the log, and is the same on all members only because they
/// are configured alike.
package struct LeaseRules: Hashable, Sendable {
    /// Shorter leases are made so long, in seconds.
    package var minimumTTL: Int64
    /// Whether checkpoints outlive the process.
    package var persistsCheckpoints: Bool

    package init(minimumTTL: Int64 = 1, persistsCheckpoints: Bool = false) {
        self.minimumTTL = minimumTTL
        self.persistsCheckpoints = persistsCheckpoints
    }

    /// The longest lease that is granted: 285 years.
    package static let maximumTTL: Int64 = 9_000_000_000
}
