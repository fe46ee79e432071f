/// The tables of a member's keyspace, under etcd's names.
package enum Bucket: String, CaseIterable, Sendable {
    /// Revision key -> `mvccpb.KeyValue`: every version of every key that is not compacted.
    case key
    /// consistent_index, term, confState, compaction marks.
    case meta
    /// Lease number -> `leasepb.Lease`.
    case lease
    case alarm
    /// Cluster version and downgrade information.
    case cluster
    case members
    case membersRemoved = "members_removed"
    case auth
    case authUsers
    case authRoles

    /// All buckets but `key`: what is in them is held in memory in full.
    package static let small: [Bucket] = allCases.filter { $0 != .key }
}
