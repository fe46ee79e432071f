import Raft
import Storage

/// What a log must hold, kept as the list of records it was given: the simplest reader there is.
struct LogModel {
    enum Record {
        case entry(Entry)
        case state(HardState)
        case marker(WAL.Marker)
    }

    struct Image: Equatable {
        var marker = WAL.Marker.zero
        var state = HardState()
        var entries: [Entry] = []
    }

    private(set) var records: [Record] = []
    /// So many of the records are acknowledged as durable.
    private(set) var acknowledged = 0
    /// Whether the log's making is acknowledged.
    private(set) var isMade = false

    init() {}

    /// All of what an opened log holds, acknowledged.
    init(_ contents: WAL.Contents) {
        records = contents.snapshots.map(Record.marker) + contents.entries.map(Record.entry)
        if contents.hardState != HardState() { records.append(.state(contents.hardState)) }
        acknowledge()
    }

    mutating func add(_ batch: LogBatch) {
        if let marker = batch.marker { records.append(.marker(marker)) }
        records += batch.entries.map(Record.entry)
        if let state = batch.hardState { records.append(.state(state)) }
    }

    mutating func acknowledge() {
        isMade = true
        acknowledged = records.count
    }

    /// The images that may be found after a crash: everything acknowledged, and of the rest any
    /// number of records in order.
    func mayBeFound() -> [Image] {
        (acknowledged...records.count).map { image(of: records.prefix($0)) }
    }

    /// The image after any number of records.
    func imagesOfPrefixes() -> [Image] {
        (0...records.count).map { image(of: records.prefix($0)) }
    }

    /// A marker above the last commit index, and what continues from it, are an installation that
    /// a crash has cut off, and do not count; nor does a marker whose place is written to later.
    private func image(of records: ArraySlice<Record>) -> Image {
        var image = Image()
        for case .state(let state) in records { image.state = state }
        var markers = [WAL.Marker.zero]
        var cutOff: LogIndex?
        for record in records {
            switch record {
            case .entry(let entry):
                if let cutOff, entry.index > cutOff { continue }
                cutOff = nil
                markers.removeAll { $0.index >= entry.index }
                image.entries.removeAll { $0.index >= entry.index }
                image.entries.append(entry)
            case .state: break
            case .marker(let marker):
                let isAhead = marker.index > image.entries.last?.index ?? .zero
                if isAhead, marker.index > image.state.commit { cutOff = marker.index }
                markers.append(marker)
            }
        }
        for marker in markers where marker.index <= image.state.commit {
            if marker.index >= image.marker.index { image.marker = marker }
        }
        image.entries.removeAll { $0.index <= image.marker.index }
        return image
    }
}

extension WAL.Contents {
    var image: LogModel.Image {
        LogModel.Image(marker: marker, state: hardState, entries: entries)
    }
}
