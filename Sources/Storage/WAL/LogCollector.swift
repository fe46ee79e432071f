import Raft

/// Puts a log together from its records: later entries replace earlier ones, the last state counts.
///
/// etcd's format protects what a record holds, not its type, so records are also checked against
/// each other: what no correct member can have written is damage.
///
/// A marker ahead of the log, or of another term than the entry there, installs a snapshot, and
/// entries may continue from it:
///
///     entry 9 | entry 10 | marker 500 | entry 501 | state commit 501
///
/// What was installed counts when a state covers the marker. A crash may cut that state off; then
/// the log still ends with entry 10, and when entry 11 is written later, marker 500 is void.
struct LogCollector {
    /// Where to start; nil means the newest marker that the commit index covers.
    let start: WAL.Marker?
    private(set) var metadata: [UInt8]?
    private(set) var state = HardState()
    private(set) var markers: [WAL.Marker] = []
    /// Those of the markers that no later entry has made void.
    private var validMarkers: [WAL.Marker] = []
    private var entries: [Entry] = []
    /// What continues from a marker that no state covers yet.
    private var installed: (marker: LogIndex, entries: [Entry])?

    init(start: WAL.Marker?) {
        self.start = start
    }

    /// The index of the entry that would follow.
    var nextIndex: LogIndex {
        entries.last.map { $0.index + 1 } ?? (start ?? .zero).index + 1
    }

    struct Contradiction: Error {
        let reason: String
    }

    mutating func add(
        _ kind: Record.Kind,
        _ data: ArraySlice<UInt8>
    ) throws(Contradiction) {
        switch kind {
        case .crc: break
        case .metadata: try add(metadata: data)
        case .entry: try add(try decode(data, "an entry"))
        case .state: try add(state: try decode(data, "a state"))
        case .snapshot:
            let bytes = Array(data)
            guard let marker = WAL.Marker(bytes, 0..<bytes.count) else {
                throw Contradiction(reason: "a snapshot marker cannot be read")
            }
            markers.append(marker)
            validMarkers.append(marker)
            if contradicts(marker) { installed = (marker.index, []) }
        }
    }

    /// Whether the log has another entry at the marker's index: then a snapshot took the place of
    /// all of it, and what is behind that entry is not what is behind the snapshot.
    private func contradicts(_ marker: WAL.Marker) -> Bool {
        guard marker.index > state.commit, let first = entries.first, marker.index >= first.index,
            marker.index.rawValue - first.index.rawValue < UInt64(entries.count)
        else { return false }
        return entries[Int(marker.index.rawValue - first.index.rawValue)].term != marker.term
    }

    private func decode<Value: WireCodable>(
        _ data: ArraySlice<UInt8>,
        _ what: String
    ) throws(Contradiction) -> Value {
        do {
            return try Value(decoding: data)
        } catch {
            throw Contradiction(reason: "\(what) cannot be read: \(error)")
        }
    }

    private mutating func add(metadata data: ArraySlice<UInt8>) throws(Contradiction) {
        guard metadata == nil || metadata.map({ $0[...] == data }) == true else {
            throw Contradiction(reason: "the segments belong to different logs")
        }
        metadata = Array(data)
    }

    private mutating func add(state new: HardState) throws(Contradiction) {
        let mayVote = new.term > state.term || state.vote == .none || new.vote == state.vote
        guard new.term >= state.term, new.commit >= state.commit, mayVote else {
            throw Contradiction(reason: "the state \(new) cannot follow \(state)")
        }
        state = new
        if let install = installed, install.marker <= new.commit {
            entries = install.entries
            installed = nil
        }
    }

    private mutating func add(_ entry: Entry) throws(Contradiction) {
        guard entry.index > .zero, entry.term > .zero else {
            throw Contradiction(reason: "an entry without index or term")
        }
        guard entry.index > state.commit else {
            throw Contradiction(reason: "the committed entry \(entry.index) is written again")
        }
        if let start, entry.index <= start.index {
            return
        }
        validMarkers.removeAll { $0.index >= entry.index }
        if let install = installed {
            if entry.index > install.marker { return try addInstalled(entry) }
            installed = nil
        }
        let isNext = entries.last.map { entry.index <= $0.index + 1 }
        // Only an installed snapshot may stand for the entries between.
        let marker = isNext == true ? nil : validMarkers.last { $0.index + 1 >= entry.index }
        if let marker, marker.index > state.commit {
            installed = (marker.index, [entry])
        } else if marker != nil {
            entries = [entry]
        } else if isNext == false {
            throw Contradiction(
                reason: "the entry \(entry.index) does not follow \(entries.last?.index ?? .zero)"
            )
        } else {
            try Self.put(entry, into: &entries)
        }
    }

    private mutating func addInstalled(_ entry: Entry) throws(Contradiction) {
        guard var install = installed else { return }
        installed = nil
        let last = install.entries.last?.index ?? install.marker
        if entry.index > last + 1 {
            // The next snapshot, before a state has covered this one.
            guard let marker = validMarkers.last(where: { $0.index + 1 >= entry.index }) else {
                throw Contradiction(reason: "the entry \(entry.index) does not follow \(last)")
            }
            installed = (marker.index, [entry])
        } else {
            try Self.put(entry, into: &install.entries)
            installed = install
        }
    }

    /// Puts the entry at its place, instead of what is there and behind.
    private static func put(_ entry: Entry, into entries: inout [Entry]) throws(Contradiction) {
        if let first = entries.first, let last = entries.last {
            if entry.index <= first.index {
                entries.removeAll()
            } else {
                entries.removeLast(Int(last.index.rawValue + 1 - entry.index.rawValue))
            }
        }
        if let last = entries.last, entry.term < last.term {
            throw Contradiction(
                reason: "the entry \(entry.index) has an older term than the one before it"
            )
        }
        entries.append(entry)
    }

    /// The marker to start from and the entries behind it; nil when the marker is not there or
    /// entries are missing behind it.
    func finish() throws(Contradiction) -> (marker: WAL.Marker, entries: [Entry])? {
        let found =
            if let start {
                markers.last { $0.index == start.index && $0.term == start.term }
            } else {
                validMarkers.filter { $0.index <= state.commit }.max { $0.index < $1.index }
            }
        guard let marker = found else { return nil }
        let kept = entries.drop { $0.index <= marker.index }
        guard kept.isEmpty || kept.first?.index == marker.index + 1 else { return nil }
        guard state.commit <= (kept.last?.index ?? marker.index) else {
            throw Contradiction(reason: "committed entries up to \(state.commit) are missing")
        }
        return (marker, Array(kept))
    }
}
