import Storage
import Synchronization

/// Where the files of snapshots on their way to and from peers lie, for as long as that takes.
final class SnapshotSpool: Sendable {
    let disk: any Disk
    private let directory: String
    private let count = Atomic<UInt64>(0)

    init(directory: String, disk: any Disk) {
        self.directory = directory
        self.disk = disk
    }

    /// A new, empty file.
    func create() throws(DiskError) -> any DiskFile {
        let number = count.add(1, ordering: .relaxed).newValue
        return try disk.open("\(directory)/\(number).db", .create)
    }

    /// Closes and removes a file of it. What cannot be removed goes at the next start.
    func discard(_ file: any DiskFile) {
        file.close()
        _ = try? disk.remove(file.path)
    }
}
