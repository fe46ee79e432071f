/// One watch of one client.
final class Watcher {
    enum State {
        /// It has been told everything and is told of each transaction as it is applied.
        case synced
        /// It is behind, and is told of history slice by slice.
        case catchingUp
        /// It is behind and its stream is full.
        case stalled
        /// It fell behind what is compacted: it is told nothing more. It keeps its id until the
        /// client cancels it, as in etcd.
        case compacted
        case gone
    }

    let id: Int64
    let stream: WatchStream
    let keys: WatcherSet
    let options: Watch.Options
    /// As the client asked; 0 for none.
    let startRevision: Int64
    /// The first revision that it is to be told of. Of a watcher that is synced and has passed it,
    /// this may be any older one.
    var next: Int64
    var state = State.gone
    /// Its place among the synced, or among those catching up, of `keys`.
    var slot = 0
    /// Its place in the hub's list of those catching up.
    var queueSlot = 0
    /// Nothing was told since the last periodic progress report.
    var isProgressDue = true

    init(_ request: Watch, id: Int64, stream: WatchStream, keys: WatcherSet, next: Int64) {
        self.id = id
        self.stream = stream
        self.keys = keys
        options = request.options
        startRevision = request.startRevision
        self.next = next
    }
}

/// The watches that share one connection to a client, and how much of what they were told has not
/// left yet.
final class WatchStream {
    let id: WatchStreamID
    var watchers: [Int64: Watcher] = [:]
    private var nextID: Int64 = 0
    var queuedBytes = 0
    /// Those that wait for room, among them some that are gone.
    var stalled: [Watcher] = []

    init(_ id: WatchStreamID) {
        self.id = id
    }

    /// The id for a new watch; nil if the one asked for is taken.
    func freeID(_ wanted: Int64) -> Int64? {
        guard wanted == 0 else { return watchers[wanted] == nil ? wanted : nil }
        while watchers[nextID] != nil { nextID += 1 }
        defer { nextID += 1 }
        return nextID
    }
}
