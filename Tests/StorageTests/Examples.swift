import Raft
import Storage
import TestKit

let walDirectory = "/data/member/wal"

/// Small segments, so that a few entries fill several.
let smallSegment: Int64 = 4096

func entry(_ index: UInt64, term: UInt64 = 3, _ data: [UInt8] = [7, 7, 7]) -> Entry {
    Entry(term: Term(rawValue: term), index: LogIndex(rawValue: index), data: data)
}

func entries(_ range: ClosedRange<UInt64>, term: UInt64 = 3, bytes: Int = 100) -> [Entry] {
    range.map { index in
        entry(index, term: term, (0..<bytes).map { UInt8(truncatingIfNeeded: Int(index) + $0) })
    }
}

func state(term: UInt64 = 3, vote: UInt64 = 0xA1, commit: UInt64) -> HardState {
    HardState(
        term: Term(rawValue: term),
        vote: NodeID(rawValue: vote),
        commit: LogIndex(rawValue: commit)
    )
}

func marker(_ index: UInt64, term: UInt64 = 3) -> WAL.Marker {
    WAL.Marker(
        index: LogIndex(rawValue: index),
        term: Term(rawValue: term),
        confState: ConfState(voters: [NodeID(rawValue: 0xA1)])
    )
}

func makeWAL(on disk: any Disk, segmentSize: Int64 = smallSegment) throws -> WAL {
    try WAL.create(
        on: disk,
        directory: walDirectory,
        metadata: Array("who".utf8),
        segmentSize: segmentSize
    )
}

func openWAL(
    on disk: any Disk,
    from marker: WAL.Marker? = nil
) throws -> (WAL, WAL.Contents) {
    try WAL.open(on: disk, directory: walDirectory, from: marker, segmentSize: smallSegment)
}

func segmentFiles(on disk: any Disk) throws -> [String] {
    try disk.list(walDirectory).filter { $0.hasSuffix(".wal") }
}

/// The path of the segment written to.
func lastSegment(on disk: any Disk) throws -> String {
    walDirectory + "/" + (try segmentFiles(on: disk).last ?? "none")
}
