package import ClusterAPI

/// The values in a file of JSON lines, those that are there and then those that come.
package struct LineFollower<Value: Decodable> {
    private var file: GrowingFile

    init(_ file: LineFile) {
        self.file = GrowingFile(path: file.path, kept: 1, fromOldest: true, disk: file.disk)
    }

    /// What has come since the last call, oldest first; at the first call, all there is.
    package mutating func next() throws(OperatorError) -> [Value] {
        var values: [Value] = []
        while true {
            let lines = try file.next()
            if lines.isEmpty { return values }
            // What does not decode is a torn line, as for every other reader.
            values += lines.compactMap { try? JSON.decode(Value.self, from: $0) }
        }
    }
}

extension ClusterDirectory {
    package func followEvents() -> LineFollower<Event> {
        LineFollower(LineFile(path: path + "/events.jsonl", disk: disk))
    }

    package func followJournal() -> LineFollower<JournalEntry> {
        LineFollower(LineFile(path: path + "/journal.jsonl", disk: disk))
    }
}

extension [Event] {
    /// Equal ones in a row counted, each at the time of its last.
    package var folded: [Event] {
        var folded: [Event] = []
        for event in self {
            if event.count > 1, let index = folded.lastIndex(where: { $0.repeats(event) }) {
                folded.remove(at: index)
            }
            folded.append(event)
        }
        return folded
    }
}

extension MemberDirectory {
    /// The member's log, those lines that are there and then those that come.
    ///
    /// - Parameter previous: The file before it, to which nothing is added any more: of an earlier
    ///   run, or the part of this one that was cut off.
    package func followLog(previous: Bool = false) -> GrowingFile {
        GrowingFile(
            path: previous ? log + ".1" : log,
            kept: previous ? 0 : 4,
            fromOldest: false,
            disk: cluster.disk
        )
    }
}
