package import Raft

extension WAL {
    /// Removes the segments in which every entry is below `index`, oldest first, never the one
    /// written to. Nothing at or behind the newest durable marker goes, whatever `index` says: it
    /// is where the next reading starts.
    ///
    /// An error does not end the log's life: what was not removed is removed the next time.
    package func release(before index: LogIndex) throws(WALError) {
        let limit = min(index, marker.index)
        guard failure == nil, segments.count > 1, segments[1].firstIndex <= limit else { return }
        do throws(DiskError) {
            while segments.count > 1, segments[1].firstIndex <= limit {
                try disk.remove(Path.join(directory, segments[0].description))
                segments.removeFirst()
            }
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
    }
}
