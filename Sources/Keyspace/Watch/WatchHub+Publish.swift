/// What happens.
extension WatchHub {
    /// One transaction has been applied.
    ///
    /// - Parameters:
    ///   - changes: All it did, in order; none for one that changed nothing.
    ///   - keyspace: After it, or later.
    package func publish(_ changes: [Change], _ keyspace: Keyspace) {
        guard let main = changes.first?.revision.main else { return }
        guard main == revision + 1 else {
            fatalError("revision \(main) is published after \(revision)")
        }
        revision = main
        guard watcherCount > 0 else { return }
        for change in changes { note(change) }
        for set in concerned {
            // From the end on, since one that has to wait leaves its place to the last.
            for position in set.synced.indices.reversed() {
                let watcher = set.synced[position]
                guard watcher.next <= main,
                    let events = set.selection(for: watcher, keyspace, &eventsNumber)
                else { continue }
                if hasRoom(watcher.stream) {
                    tell(watcher, events)
                } else {
                    watcher.next = main
                    set.removeSynced(watcher)
                    stall(watcher)
                }
            }
            set.clearEvents()
        }
        concerned.removeAll(keepingCapacity: true)
    }

    private func note(_ change: Change) {
        guard let key = Record(change.record)?.key else {
            fatalError("the change of revision \(change.revision) is no record")
        }
        let row = RecordKey(change.revision, isTombstone: change.isTombstone)
        var event: WatchEvent?
        index.visit(key.span) { set in
            guard !set.synced.isEmpty else { return }
            let known = event ?? WatchEvent(row, record: change.record)
            event = known
            note(known, for: set)
        }
    }

    func note(_ event: WatchEvent, for set: WatcherSet) {
        if set.events.isEmpty { concerned.append(set) }
        set.note(event)
    }

    func tell(_ watcher: Watcher, _ events: WatchEvents) {
        reply(
            watcher.stream,
            watcher.id,
            revision: revision,
            .events(events),
            mayFragment: watcher.options.contains(.fragments)
        )
        watcher.isProgressDue = false
    }

    /// The keyspace is another one, that of a received snapshot: what happened in between is to be
    /// read from it. Those who were told everything go on after the last revision they know of.
    package func restore(_ keyspace: Keyspace) {
        let known = revision
        revision = keyspace.revision
        sweep = 0
        let all = streams.values.flatMap(\.watchers.values)
        // In the order of their numbers, so that equal histories give equal replies.
        for watcher in all.sorted(by: { ($0.stream.id, $0.id) < ($1.stream.id, $1.id) }) {
            switch watcher.state {
            case .synced:
                watcher.next = max(watcher.next, known + 1)
                watcher.keys.removeSynced(watcher)
            case .catchingUp: dequeue(watcher)
            case .stalled, .compacted, .gone: continue
            }
            place(watcher)
        }
    }
}
