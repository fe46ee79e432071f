/// What happened before.
extension WatchHub {
    /// Whether there is something to do for `catchUp`.
    package var isBehind: Bool { !catchingUp.isEmpty }

    /// Tells watchers that are behind of one bounded slice of history.
    ///
    /// A slice is read once for all watchers whose positions lie in it. The slices sweep through
    /// history like a lift: each begins at the lowest position not below the end of the last, and
    /// after the top the sweep begins again at the bottom. So nobody waits for ever, however many
    /// come in behind.
    ///
    /// - Parameter keyspace: At the revision that was published last.
    package func catchUp(_ keyspace: Keyspace) {
        guard keyspace.revision == revision else {
            fatalError("the keyspace is at \(keyspace.revision), \(revision) was published")
        }
        endCompacted(keyspace)
        guard let first = nextPosition() else { return }
        let budget = HistoryBudget(rows: limits.sliceRows)
        let last = keyspace.visitHistory(from: first, budget) { note($0, $1) }
        for set in concerned {
            for position in set.catchingUp.indices.reversed() {
                let watcher = set.catchingUp[position]
                guard (first...last).contains(watcher.next),
                    let events = set.selection(for: watcher, keyspace, &eventsNumber)
                else { continue }
                if hasRoom(watcher.stream) {
                    tell(watcher, events)
                } else {
                    dequeue(watcher)
                    stall(watcher)
                }
            }
            set.clearEvents()
        }
        concerned.removeAll(keepingCapacity: true)
        advance(from: first, through: last)
    }

    private func endCompacted(_ keyspace: Keyspace) {
        let compacted = keyspace.compactRevision
        for position in catchingUp.indices.reversed() {
            let watcher = catchingUp[position]
            guard watcher.next < compacted else { continue }
            leave(watcher)
            watcher.state = .compacted
            // Without a revision, as etcd says it.
            reply(watcher.stream, watcher.id, revision: 0, .compacted(compacted))
        }
    }

    private func nextPosition() -> Int64? {
        var lowest: Int64?
        var inSweep: Int64?
        for watcher in catchingUp {
            lowest = min(lowest ?? .max, watcher.next)
            if watcher.next >= sweep { inSweep = min(inSweep ?? .max, watcher.next) }
        }
        return inSweep ?? lowest
    }

    private func note(_ row: RecordKey, _ value: Span<UInt8>) {
        guard let fields = RecordFields(value) else {
            fatalError("the record of revision \(row.revision) is damaged")
        }
        var event: WatchEvent?
        index.visit(value.extracting(fields.key)) { set in
            guard !set.catchingUp.isEmpty else { return }
            let known = event ?? WatchEvent(row, record: [UInt8](copying: value))
            event = known
            note(known, for: set)
        }
    }

    private func advance(from first: Int64, through last: Int64) {
        sweep = last + 1
        for position in catchingUp.indices.reversed() {
            let watcher = catchingUp[position]
            guard (first...last).contains(watcher.next) else { continue }
            watcher.next = last + 1
            if last == revision {
                dequeue(watcher)
                place(watcher)
            } else if !hasRoom(watcher.stream) {
                dequeue(watcher)
                stall(watcher)
            }
        }
    }
}
