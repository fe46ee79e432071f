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

    mutating func add(_ batch: LogBatch) {
        if let marker = batch.marker { records.append(.marker(marker)) }
        records += batch.entries.map(Record.entry)
        if let state = batch.hardState { records.append(.state(state)) }
    }

    mutating func acknowledge() {
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

    private func image(of records: ArraySlice<Record>) -> Image {
        var image = Image()
        var markers = [WAL.Marker.zero]
        for record in records {
            switch record {
            case .entry(let entry):
                image.entries.removeAll { $0.index >= entry.index }
                image.entries.append(entry)
            case .state(let state): image.state = state
            case .marker(let marker): markers.append(marker)
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
