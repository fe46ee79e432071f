package import Keyspace
package import Storage

/// A backend as LMDB is one, as far as crashes can tell: a commit is durable whole or not at all,
/// and when it is depends on the disk.
///
/// The rows are in memory, in an archive; the file has the numbers of the last two commits, each in
/// a sector of its own and followed by its complement:
///
///     0     number of one commit | complement
///     512   number of the other  | complement
///
/// The higher one counts, if its complement fits; a commit writes over the lower one and syncs.
package final class RowFile: Backend, @unchecked Sendable {  // because a world has one thread
    private let archive: RowArchive
    private let file: any DiskFile
    private let rows: MemoryBackend
    /// The numbers in the file; 0 where there is none.
    private var slots: [UInt64]
    private static let slotSize: Int64 = 512

    /// Opens the rows in a directory, or makes them, empty. The name of the file is not durable
    /// before its directory is synced.
    package init(in directory: String, on disk: any Disk, _ archive: RowArchive)
        throws(BackendError)
    {
        self.archive = archive
        do throws(DiskError) {
            file = try disk.open(directory + "/rows", .createOrOpen)
            slots = [try Self.number(in: file, 0), try Self.number(in: file, 1)]
        } catch {
            throw BackendError(error)
        }
        let newest = max(slots[0], slots[1])
        if newest == 0 {
            rows = MemoryBackend()
        } else if let found = archive.rows(newest) {
            rows = found
        } else {
            throw BackendError(
                kind: .corrupted,
                operation: "open",
                path: directory,
                detail: "rows \(newest) were given up"
            )
        }
    }

    private static func number(
        in file: any DiskFile,
        _ slot: Int
    ) throws(DiskError) -> UInt64 {
        let bytes = try file.read(at: Int64(slot) * slotSize, count: 16)
        guard bytes.count == 16 else { return 0 }
        let number = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        let complement = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
        return number == ~complement ? number : 0
    }

    private func write(_ number: UInt64, _ slot: Int) throws(DiskError) {
        let bytes = [number, ~number].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
        try file.write(bytes, at: Int64(slot) * Self.slotSize)
    }

    package func commit(_ batch: WriteBatch) throws(BackendError) {
        if !archive.failures.isEmpty {
            throw BackendError(
                kind: archive.failures.removeFirst(),
                operation: "commit",
                path: file.path,
                detail: "the failure asked for"
            )
        }
        try rows.commit(batch)
        let slot = slots[0] < slots[1] ? 0 : 1
        let former = slots[slot]
        slots[slot] = archive.add(rows)
        do throws(DiskError) {
            try write(slots[slot], slot)
            try file.sync()
            archive.forget(former)
        } catch {
            // As LMDB does: what may or may not be on the disk is not to be seen.
            try? write(former, slot)
            throw BackendError(error)
        }
    }

    package func get(_ bucket: Bucket, _ key: [UInt8]) throws(BackendError) -> [UInt8]? {
        try rows.get(bucket, key)
    }

    package func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        try rows.scan(bucket, from: from, body)
    }

    package func openView() throws(BackendError) -> any BackendView {
        try rows.openView()
    }

    package func renewReader() throws(BackendError) {
        try rows.renewReader()
    }

    /// Nothing of the file is unused, so a copy would be the same.
    package func writeCompactCopy() throws(BackendError) { try rows.writeCompactCopy() }
    package func adoptCompactCopy() throws(BackendError) { try rows.adoptCompactCopy() }

    package var sizeOnDisk: Int64 { rows.sizeOnDisk }
    package var sizeInUse: Int64 { rows.sizeInUse }

    package func close() {
        rows.close()
        file.close()
    }
}

extension BackendError {
    fileprivate init(_ error: DiskError) {
        self.init(
            kind: error.kind == .noSpace ? .noSpace : .ioFailure,
            operation: error.operation,
            path: error.path,
            detail: error.reason
        )
    }
}
