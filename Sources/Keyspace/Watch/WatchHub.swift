/// Tells watchers what happens to the keys that they watch: each exactly the history of its keys
/// from its start revision on, in order, whole revisions, nothing twice and nothing left out.
///
///     clients:      create, cancel, requestProgress  \
///     transactions: publish                           >  WatchHub  ->  takeReplies(), in order
///     spare time:   catchUp                          /
///
/// A watcher is *synced* or behind. The synced ones are told of a transaction when it is
/// published. One that starts in the past, or whose client does not take what it is sent, is
/// behind: it knows the revision to go on from, costs nothing while it waits, and `catchUp` tells
/// it of history slice by slice, read from the keyspace, until it is synced.
/// ```
///                 publish, stream full              room again
///        synced -----------------------> stalled ---------------> catching up -+-> synced
///          ^                                ^        stream full       |       |
///          |                                +--------------------------+       +-> compacted
///   created at 0 or in the future                     created in the past -> catching up
/// ```
/// It has no clock and no sockets: `queuedBytes` of a stream grow with each reply and are set by
/// the owner when some have left. Used by one owner, beside the keyspace, which it must be told of
/// completely: every transaction once, in order.
package final class WatchHub {
    /// The last revision that was published.
    package internal(set) var revision: Int64
    let limits: Limits
    var index = WatcherIndex()
    var streams: [WatchStreamID: WatchStream] = [:]
    private var nextStream: UInt64 = 1
    /// Watchers that are told of everything or will be; not those behind a compaction.
    var watcherCount = 0
    /// In any order.
    var catchingUp: [Watcher] = []
    /// Where the next slice of history begins at the earliest; see `catchUp`.
    var sweep: Int64 = 0
    /// The sets of watchers that the transaction or slice at hand concerns.
    var concerned: [WatcherSet] = []
    var eventsNumber: UInt64 = 0
    private var replies: [WatchReply] = []
    private var queuedBytes = 0

    /// How much may wait for clients that are slow.
    package struct Limits: Sendable {
        /// Bytes of one stream after which its watchers wait. One reply may exceed it.
        package var streamBytes = 1 << 20
        /// Bytes of all streams, above which each may have only a sixteenth.
        package var allBytes = 256 << 20
        /// Rows of one slice of history, which is not cut within a revision.
        package var sliceRows = 1_000

        package init() {}
    }

    /// - Parameter revision: The keyspace's.
    package init(revision: Int64, limits: Limits = Limits()) {
        self.revision = revision
        self.limits = limits
    }

    // MARK: Streams

    package func openStream() -> WatchStreamID {
        let id = WatchStreamID(rawValue: nextStream)
        nextStream += 1
        streams[id] = WatchStream(id)
        return id
    }

    /// Forgets a stream and its watches. Replies to it that are not taken yet are still there.
    package func closeStream(_ id: WatchStreamID) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        for watcher in stream.watchers.values { leave(watcher) }
        stream.watchers = [:]
        stream.stalled = []
        queuedBytes -= stream.queuedBytes
    }

    /// How many bytes of a stream's replies have not left yet, now that some have.
    package func queued(_ bytes: Int, on id: WatchStreamID) {
        guard let stream = streams[id] else { return }
        queuedBytes += bytes - stream.queuedBytes
        stream.queuedBytes = bytes
        guard !stream.stalled.isEmpty, bytes <= room / 2 else { return }
        let waiting = stream.stalled
        stream.stalled = []
        for watcher in waiting where watcher.state == .stalled { place(watcher) }
    }

    /// Whether so much waits for a stream's client that it should be asked for nothing more.
    package func isFull(_ id: WatchStreamID) -> Bool {
        streams[id].map { !hasRoom($0) } ?? false
    }

    private var room: Int {
        queuedBytes < limits.allBytes ? limits.streamBytes : limits.streamBytes / 16
    }

    func hasRoom(_ stream: WatchStream) -> Bool {
        stream.queuedBytes < room
    }

    /// Replies since the last time, in the order in which they are to be sent.
    package func takeReplies() -> [WatchReply] {
        let taken = replies
        replies = []
        return taken
    }

    func reply(
        _ stream: WatchStream,
        _ watch: Int64,
        revision: Int64,
        _ content: WatchReply.Content,
        mayFragment: Bool = false
    ) {
        let reply = WatchReply(
            stream: stream.id,
            watch: watch,
            revision: revision,
            content: content,
            mayFragment: mayFragment
        )
        stream.queuedBytes += reply.size
        queuedBytes += reply.size
        replies.append(reply)
    }

    // MARK: States

    func enter(_ watcher: Watcher) {
        watcherCount += 1
        watcher.keys.count += 1
        place(watcher)
    }

    /// Puts a watcher where its position says: with the synced, or with those that catch up.
    func place(_ watcher: Watcher) {
        guard watcher.next <= revision else {
            watcher.state = .synced
            return watcher.keys.addSynced(watcher)
        }
        watcher.state = .catchingUp
        watcher.keys.addCatchingUp(watcher)
        watcher.queueSlot = catchingUp.count
        catchingUp.append(watcher)
    }

    func dequeue(_ watcher: Watcher) {
        watcher.keys.removeCatchingUp(watcher)
        guard let last = catchingUp.popLast() else {
            fatalError("a watcher that catches up is not in the queue")
        }
        guard last !== watcher else { return }
        catchingUp[watcher.queueSlot] = last
        last.queueSlot = watcher.queueSlot
    }

    /// A watcher that its stream has no room for goes on from `next` when there is.
    func stall(_ watcher: Watcher) {
        watcher.state = .stalled
        watcher.stream.stalled.append(watcher)
    }

    /// Takes a watcher out of everything but its stream's table.
    func leave(_ watcher: Watcher) {
        switch watcher.state {
        case .synced: watcher.keys.removeSynced(watcher)
        case .catchingUp: dequeue(watcher)
        case .stalled: break
        case .compacted, .gone: return
        }
        watcher.state = .gone
        watcherCount -= 1
        watcher.keys.count -= 1
        if watcher.keys.count == 0 { index.remove(watcher.keys) }
    }
}
