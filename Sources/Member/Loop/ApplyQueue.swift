import Raft

/// Committed entries waiting to be applied, in the portions in which Raft handed them over: when a
/// portion is through, Raft is told so by the portion's responses.
struct ApplyQueue {
    private var portions: [Message] = []
    private var position = 0
    private(set) var entryCount = 0

    mutating func append(_ message: Message) {
        portions.append(message)
        entryCount += message.entries.count
    }

    var isEmpty: Bool {
        portions.isEmpty
    }

    /// The next entry; nil at the end of a portion (and of all).
    mutating func next() -> Entry? {
        guard let portion = portions.first, position < portion.entries.count else { return nil }
        defer { position += 1 }
        entryCount -= 1
        return portion.entries[position]
    }

    /// Whether all entries of the first portion have been taken.
    var isAtEndOfPortion: Bool {
        portions.first.map { position == $0.entries.count } ?? false
    }

    /// Ends the portion whose entries have all been taken, and gives its responses.
    mutating func finishPortion() -> [Message] {
        invariant(isAtEndOfPortion, "a portion ends before its entries")
        position = 0
        return portions.removeFirst().responses
    }
}
