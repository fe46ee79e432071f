package import Keyspace
package import Storage

/// A keyspace as etcd's own database file: what `etcdctl snapshot save` stores, what members send
/// each other, what `etcdctl snapshot restore` takes.
///
/// Records are the same bytes in the file and in the backend, so both ways are a copy of rows. It
/// takes a few MiB of memory however large the keyspace is, and may run on any thread.
package enum SnapshotFile {
    /// Writes what the view shows into an empty file. The file is valid only when this returns, and
    /// is not synced. The view stays open.
    package static func write(
        _ view: any BackendView,
        to file: any DiskFile
    ) throws(SnapshotError) -> SnapshotSummary {
        let writer = BoltWriter(file)
        var meta = SnapshotMeta()
        var lastKey: [UInt8] = []
        var versionCount = 0
        for bucket in inOrderOfNames {
            var failure: SnapshotError?
            do throws(BoltError) {
                try writer.begin(bucket: bucket.rawValue)
            } catch {
                throw .file(error)
            }
            do throws(BackendError) {
                try view.scan(bucket, from: []) { key, value in
                    do throws(BoltError) {
                        try writer.add(key, value)
                    } catch {
                        failure = .file(error)
                        return false
                    }
                    if bucket == .key {
                        versionCount += 1
                        lastKey.removeAll(keepingCapacity: true)
                        for position in key.indices { lastKey.append(key[position]) }
                    } else if bucket == .meta {
                        guard meta.add([UInt8](copying: key), [UInt8](copying: value)) else {
                            failure = tooMuchMeta
                            return false
                        }
                    }
                    return true
                }
            } catch {
                throw .backend(error)
            }
            if let failure { throw failure }
        }
        let last = RecordKey(lastKey.span)
        guard last != nil || versionCount == 0 else {
            throw .row(.corrupt(bucket: .key, key: lastKey, reason: "not a revision"))
        }
        let size: Int64
        do throws(BoltError) {
            size = try writer.finish()
        } catch {
            throw .file(error)
        }
        return try meta.summary(
            size: size,
            lastRow: last,
            versionCount: versionCount,
            ignoredBuckets: []
        )
    }

    /// Fills an empty backend from a file that anybody may have made, and lets its reader see it.
    ///
    /// The last batch is the one that carries the `meta` bucket: after a failure or a crash the
    /// backend has no consistent index, and must be thrown away.
    ///
    /// - Parameter progress: Told now and then how many bytes of keys and values are in it.
    package static func load(
        _ file: any DiskFile,
        into backend: any Backend,
        progress: @escaping (Int64) -> Void = { _ in }
    ) throws(SnapshotError) -> SnapshotSummary {
        try SnapshotLoad(file, backend, progress).run()
    }

    static let tooMuchMeta = SnapshotError.badMeta(key: "*", reason: "the bucket is too large")

    /// Buckets as the file holds them.
    static let inOrderOfNames = Bucket.allCases.sorted { left, right in
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
