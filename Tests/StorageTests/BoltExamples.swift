import Storage
import TestKit

/// A row of a bucket.
struct Row: Equatable {
    let key: [UInt8]
    let value: [UInt8]
}

/// The buckets of a database, in order.
typealias Buckets = [(name: String, rows: [Row])]

let snapshotPath = "/data/snapshot.db"

func makeSnapshot(
    _ buckets: Buckets,
    on disk: any Disk,
    path: String = snapshotPath,
    pageSize: Int = 4096
) throws -> Int64 {
    let file = try disk.open(path, .createOrOpen)
    defer { file.close() }
    try file.truncate(to: 0)
    let writer = BoltWriter(file, pageSize: pageSize)
    for bucket in buckets {
        try writer.begin(bucket: bucket.name)
        for row in bucket.rows { try writer.add(row.key, row.value) }
    }
    return try writer.finish()
}

/// All that a reader finds, and the pages that belong to nothing.
func readSnapshot(
    on disk: any Disk,
    path: String = snapshotPath
) throws -> (buckets: Buckets, leakedPages: Int) {
    let file = try disk.open(path, .read)
    defer { file.close() }
    let reader = try BoltReader(file)
    var buckets: Buckets = []
    for name in reader.bucketNames {
        var rows: [Row] = []
        try reader.forEachRow(of: name) { key, value in
            rows.append(Row(key: copy(key), value: copy(value)))
            return true
        }
        buckets.append((name: name, rows: rows))
    }
    return (buckets, reader.leakedPages)
}

func copy(_ bytes: Span<UInt8>) -> [UInt8] {
    bytes.indices.map { bytes[$0] }
}

func memoryDisk() throws -> MemoryDisk {
    let disk = MemoryDisk()
    try disk.createDirectory("/data")
    return disk
}

extension BoltWriter {
    func add(_ key: [UInt8], _ value: [UInt8]) throws(BoltError) {
        try add(key.span, value.span)
    }
}

extension Generator {
    /// Rows with different keys in order; sizes of keys and values as the generator likes them.
    mutating func rows(_ count: Int, valueMax: Int) -> [Row] {
        var keys: Set<[UInt8]> = []
        let keyMax = pick([4, 17, 300])
        while keys.count < count { keys.insert(bytes(within(1...keyMax) + count / 256)) }
        return keys.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
            Row(key: key, value: bytes(below(1 + (chance(0.1) ? valueMax : min(valueMax, 300)))))
        }
    }
}
