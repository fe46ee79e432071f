/// What clients ask for.
extension WatchHub {
    /// Begins a watch; the reply says so, or why not.
    package func create(_ request: Watch, on id: WatchStreamID) {
        guard let stream = streams[id] else { return }
        func refuse(_ reason: String) {
            reply(stream, WatchReply.noWatch, revision: revision, .refused(reason))
        }
        guard request.startRevision >= 0 else { return refuse(EtcdError.compacted.message) }
        guard !request.range.isEmpty else { return refuse("mvcc: watcher range is empty") }
        guard let watch = stream.freeID(request.id) else {
            return refuse("mvcc: duplicate watch ID provided on the WatchStream")
        }
        let watcher = Watcher(
            request,
            id: watch,
            stream: stream,
            keys: index.set(for: request.range),
            next: request.startRevision == 0 ? revision + 1 : request.startRevision
        )
        stream.watchers[watch] = watcher
        reply(stream, watch, revision: revision, .created)
        enter(watcher)
    }

    /// Ends a watch; one that does not exist is passed over.
    package func cancel(_ watch: Int64, on id: WatchStreamID) {
        guard let stream = streams[id], let watcher = stream.watchers.removeValue(forKey: watch)
        else { return }
        leave(watcher)
        reply(stream, watch, revision: revision, .canceled)
    }

    /// Says up to which revision all of a stream's watches have been told everything. If that is
    /// not one and the same revision, or not all have reached their start, nothing is said.
    package func requestProgress(on id: WatchStreamID) {
        guard let stream = streams[id], !stream.watchers.isEmpty, hasRoom(stream),
            stream.watchers.values.allSatisfy(isUpToDate)
        else { return }
        reply(stream, WatchReply.noWatch, revision: revision, .progress)
    }

    /// The time for periodic reports has come: watches that asked for them, and were told nothing
    /// since the last time, are told how far they are.
    package func reportProgress(on id: WatchStreamID) {
        guard let stream = streams[id] else { return }
        let interested = stream.watchers.values.filter { $0.options.contains(.progress) }
        for watcher in interested.sorted(by: { $0.id < $1.id }) {
            if watcher.isProgressDue, hasRoom(stream), isUpToDate(watcher) {
                reply(stream, watcher.id, revision: revision, .progress)
            }
            watcher.isProgressDue = true
        }
    }

    private func isUpToDate(_ watcher: Watcher) -> Bool {
        watcher.state == .synced && revision >= watcher.startRevision
    }
}
