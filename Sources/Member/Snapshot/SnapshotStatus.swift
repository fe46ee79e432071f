import Keyspace
package import Storage

/// What `snapshot status` says of a file: the same numbers as etcdutl's.
package struct SnapshotStatus: Hashable, Sendable {
    /// CRC-32C over every bucket's name, keys and values in order.
    package let hash: UInt32
    /// Of the last row of the `key` bucket; 0 when it has none.
    package let revision: Int64
    /// Rows of all buckets.
    package let rowCount: Int
    /// The bytes of the database, without a checksum behind it.
    package let size: Int64
    /// The schema that the file is of; empty before 3.6.
    package let storageVersion: String

    /// Reads the whole file. It may come from anybody.
    package init(of file: any DiskFile) throws(SnapshotError) {
        var checksum = CRC32C()
        var revision: Int64 = 0
        var rowCount = 0
        var version: [UInt8] = []
        let reader: BoltReader
        do throws(BoltError) {
            reader = try BoltReader(file)
            for name in reader.bucketNames {
                checksum.add(Array(name.utf8).span)
                let isKeys = name == Bucket.key.rawValue
                let isMeta = name == Bucket.meta.rawValue
                try reader.forEachRow(of: name) { key, value in
                    checksum.add(key)
                    checksum.add(value)
                    rowCount += 1
                    if isKeys, let row = RecordKey(key) { revision = row.revision.main }
                    if isMeta, [UInt8](copying: key) == MetaKey.storageVersion {
                        version = [UInt8](copying: value)
                    }
                    return true
                }
            }
        } catch {
            throw .file(error)
        }
        hash = checksum.value
        self.revision = revision
        self.rowCount = rowCount
        size = reader.size
        storageVersion = String(decoding: version, as: UTF8.self)
    }
}
