/// A stream of watches, by the number that its hub gave it.
package struct WatchStreamID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package static func < (left: WatchStreamID, right: WatchStreamID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// One thing to tell the client of a stream; all of a stream are to be told in their order.
package struct WatchReply: Sendable {
    package let stream: WatchStreamID
    /// The watch it is about; `noWatch` for none.
    package let watch: Int64
    /// For the header.
    package let revision: Int64
    package let content: Content
    /// Whether events may be spread over several messages.
    package let mayFragment: Bool

    package enum Content: Sendable {
        case created
        /// It was not created, for a reason in etcd's words.
        case refused(String)
        case canceled
        /// It is canceled: what it would be told next has been compacted, up to this revision.
        case compacted(Int64)
        /// All events up to the header's revision have been told.
        case progress
        /// Everything that happened to the watch's keys in some revisions, next to those that it
        /// was told of before.
        case events(WatchEvents)
    }

    package static let noWatch: Int64 = -1

    /// About the bytes that it takes on the wire.
    package var size: Int {
        switch content {
        case .events(let events): events.size + 64
        case .refused(let reason): reason.utf8.count + 64
        case .created, .canceled, .compacted, .progress: 64
        }
    }
}
