package import Keyspace
import Raft
package import Storage

/// The log decides whether a snapshot counts:
///
///     marker <= consistent index                 an ordinary log; what is prepared is left over
///     marker == index of the prepared rows       installed: they become the keyspace
///     else                                       entries are missing: the member does not start
extension Startup {
    /// Opens the log and the keyspace that goes with it. See `openLog` for the parameters.
    package static func open(
        _ store: StoreDirectories,
        on disk: any Disk,
        directory: String,
        first: First?,
        segmentSize: Int64 = WAL.defaultSegmentSize
    ) throws(StartError) -> (backend: any Backend, keyspace: Keyspace, log: OpenLog) {
        var backend = try store.open()
        do throws(StartError) {
            let applied = try backend.consistentIndex()
            let log = try openLog(
                on: disk,
                directory: directory,
                first: first,
                applied: applied,
                segmentSize: segmentSize
            )
            let marker = log.contents.marker.index
            if marker > applied {
                guard try store.prepared() == marker else {
                    throw .logTooNew(marker: marker, applied: applied)
                }
                backend.close()
                try store.adopt()
                backend = try store.open()
            } else {
                try store.discard()
            }
            return (backend, try keyspace(on: backend), log)
        } catch {
            backend.close()
            throw error
        }
    }

    private static func keyspace(on backend: any Backend) throws(StartError) -> Keyspace {
        do {
            return try Keyspace(backend: backend)
        } catch {
            throw .keyspace(error)
        }
    }
}
