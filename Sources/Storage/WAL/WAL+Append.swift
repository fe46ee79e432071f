package import Raft

extension WAL {
    /// Adds entries and the state that goes with them. They are durable after `sync`, and may be
    /// so before. Entries continue the log or replace its end; their indexes count up by one.
    package func append(_ entries: [Entry], hardState: HardState?) throws(WALError) {
        try usable()
        if let first = entries.first {
            invariant(
                first.index <= lastIndex + 1,
                "entry \(first.index) would leave a gap behind \(lastIndex)"
            )
        }
        for entry in entries {
            encoder.append(entry)
            lastIndex = entry.index
            if encoder.buffer.count > Self.bufferedBytesMax {
                try write()
            }
        }
        if let hardState, hardState != HardState() {
            encoder.append(hardState)
            self.hardState = hardState
        }
    }

    /// Notes, in the buffer, that the state up to the marker is kept elsewhere.
    package func append(_ marker: Marker) throws(WALError) {
        try usable()
        encoder.append(marker)
        laterMarkers.append(marker)
        lastIndex = max(lastIndex, marker.index)
    }

    /// Writes a marker and makes it durable.
    package func save(_ marker: Marker) throws(WALError) {
        try append(marker)
        try sync()
    }

    /// Hands the buffer to the system, and begins a new segment when this one is full. Enough
    /// when only the commit index changed.
    package func flush() throws(WALError) {
        try usable()
        try write()
        if position >= segmentSize {
            try cut()
        }
    }

    /// Makes everything appended durable.
    package func sync() throws(WALError) {
        try usable()
        try write()
        try syncTail()
        if position >= segmentSize {
            try cut()
        }
    }

    private func usable() throws(WALError) {
        if let failure {
            if case .stopped = failure { throw failure }
            throw .poisoned(first: failure.description)
        }
    }

    /// Runs what must not fail: an error ends the log's life.
    private func poisoning<Result>(
        _ body: () throws(DiskError) -> Result
    ) throws(WALError) -> Result {
        do throws(DiskError) {
            return try body()
        } catch {
            failure = .disk(error)
            throw .disk(error)
        }
    }

    private func write() throws(WALError) {
        let count = Int64(encoder.buffer.count)
        if count > 0 {
            try poisoning { () throws(DiskError) in
                try tail.write(encoder.buffer, at: position)
                try fillAhead(from: position + count)
            }
            position += count
            unsynced += count
            encoder.clear()
            spare.tailReached(position, of: segments[segments.count - 1].sequence)
        }
        if unsynced > Self.unsyncedBytesMax {
            try syncTail()
        }
    }

    /// When a write made the file grow, zeros go with it, so that the next ones only overwrite:
    /// as much again as there is, within bounds, so that an idle member's log stays small.
    private func fillAhead(from end: Int64) throws(DiskError) {
        guard end > filled else { return }
        filled = end
        if end < segmentSize {
            let ahead = min(max(end, Self.firstFill), Self.fillAheadMax)
            let target = min(segmentSize, (end + ahead + 4095) & ~4095)
            try Zeros.write(to: tail, from: end, to: target)
            filled = target
        }
    }

    static let fillAheadMax: Int64 = 1 << 20

    private func syncTail() throws(WALError) {
        if unsynced > 0 {
            try poisoning { () throws(DiskError) in try tail.sync() }
            unsynced = 0
        }
        while let next = laterMarkers.first, next.index <= hardState.commit {
            marker = next
            laterMarkers.removeFirst()
        }
    }

    /// Ends this segment and begins the next, whose head repeats checksum, metadata and state.
    private func cut() throws(WALError) {
        let name = SegmentName(
            sequence: segments[segments.count - 1].sequence + 1,
            firstIndex: lastIndex + 1
        )
        try poisoning { () throws(DiskError) in
            if filled > position {
                try tail.truncate(to: position)
            }
            try tail.sync()
        }
        unsynced = 0
        encoder.appendChecksum()
        encoder.append(metadata: metadata)
        if hardState != HardState() {
            encoder.append(hardState)
        }
        let count = Int64(encoder.buffer.count)
        try poisoning { () throws(DiskError) in
            let next = try spare.take(for: name.sequence)
            try next.file.write(encoder.buffer, at: 0)
            filled = next.filled
            if count > filled {
                filled = min(max(count, Self.firstFill), max(count, segmentSize))
                try Zeros.write(to: next.file, from: count, to: filled)
            }
            try next.file.sync()
            next.file.close()
            let path = Path.join(directory, name.description)
            try disk.rename(next.file.path, to: path)
            try disk.syncDirectory(directory)
            tail.close()
            tail = try disk.open(path, .write)
        }
        encoder.clear()
        position = count
        segments.append(name)
    }
}
