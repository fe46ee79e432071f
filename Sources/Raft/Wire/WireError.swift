/// Why bytes are not the raftpb message they should be. Offsets count from the start of the
/// innermost message.
package enum WireError: Error, Hashable, Sendable {
    /// The bytes end inside a value, or a length points behind their end.
    case truncated(offset: Int)
    /// A varint of more than ten bytes.
    case varintTooLong(offset: Int)
    /// A field number of 0, a group that does not end, or a wire type that does not exist.
    case badTag(offset: Int)
    /// A known field in another wire type than its own.
    case wrongWireType(field: Int)
    /// An enumeration's value that this version does not know.
    case unknownValue(field: Int, value: UInt64)
    /// Messages inside messages, more deeply or more of them than Raft ever makes.
    case tooManyResponses
    /// More entries in one message than any member sends.
    case tooManyEntries
}
