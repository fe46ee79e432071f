import Crypto
package import Storage

/// The SHA-256 that `Maintenance.Snapshot` sends behind the database, and that a snapshot file that
/// a client saved has as its last 32 bytes. A database itself is a multiple of 512 bytes long, by
/// which files with a checksum are told from files without.
package enum SnapshotChecksum: Hashable, Sendable {
    /// The file is a bare database, such as a copied `member/snap/db`.
    case absent
    case right
    case wrong(expected: [UInt8], found: [UInt8])

    /// The bytes of a checksum.
    package static let size = SHA256.byteCount

    /// What stands behind the database of this file, compared with the database.
    package init(of file: any DiskFile) throws(DiskError) {
        let size = try file.size()
        guard size % 512 == Int64(Self.size) else {
            self = .absent
            return
        }
        let end = size - Int64(Self.size)
        let found = try Self.sum(file, upTo: end)
        let expected = try file.read(at: end, count: Self.size)
        self = found == expected ? .right : .wrong(expected: expected, found: found)
    }

    /// Writes the checksum behind a bare database.
    package static func append(to file: any DiskFile) throws(DiskError) {
        let end = try file.size()
        try file.write(try sum(file, upTo: end), at: end)
    }

    private static func sum(
        _ file: any DiskFile,
        upTo end: Int64
    ) throws(DiskError) -> [UInt8] {
        var hash = SHA256()
        var at: Int64 = 0
        while at < end {
            let bytes = try file.read(at: at, count: Int(min(end - at, 1 << 20)))
            guard !bytes.isEmpty else { break }
            hash.update(data: bytes)
            at += Int64(bytes.count)
        }
        return Array(hash.finalize())
    }
}
