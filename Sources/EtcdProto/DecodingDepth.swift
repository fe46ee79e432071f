package import SwiftProtobuf

// How many messages may stand within each other. A nested transaction takes two per level, and the
// default of --max-txn-ops allows 128 levels; what decodes them works with recursion, so there is
// an end to it.
extension BinaryDecodingOptions {
    /// For what clients send.
    package static var clientRequest: BinaryDecodingOptions {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 300
        return options
    }

    /// For the log's entries: more than for clients, because what one member has accepted, all
    /// must be able to apply, also what a member of another make let in.
    package static var logEntry: BinaryDecodingOptions {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 1000
        return options
    }
}
