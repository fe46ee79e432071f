package import Storage
import Synchronization

/// Bytes that are given back when the disk is full, so that what has to be written down still can
/// be: `<state-dir>/ballast`.
package final class Ballast: Sendable {
    private let path: String
    private let disk: any Disk
    /// Workers of several clusters meet here.
    private let turn = Mutex(())

    private static let size = 16 << 20
    /// With less than this the disk is as good as full.
    private static let full: Int64 = 4 << 20
    /// There must be that much before so much is taken, or it would come and go.
    private static let plenty: Int64 = 512 << 20

    package init(path: String, on disk: any Disk) {
        self.path = path
        self.disk = disk
    }

    /// Takes or gives back, as the free space demands; returns what is free then.
    package func adjust(to free: Int64) throws(DiskError) -> Int64 {
        guard free < Ballast.full || free > Ballast.plenty else { return free }
        let result = turn.withLock { _ in
            Result { () throws(DiskError) -> Int64 in
                let size = try disk.status(path)?.size
                if free < Ballast.full, size != nil {
                    try disk.remove(path)
                    return try disk.freeSpace(path.parent)
                }
                guard free > Ballast.plenty, size != Int64(Ballast.size) else { return free }
                // Of one that could not be finished the rest would be missing when it is needed.
                if size != nil { try disk.remove(path) }
                try fill()
                return free
            }
        }
        return try result.get()
    }

    /// For an operator that begins: on a full disk it could not even take its lock.
    package func giveBackIfFull() {
        // Whatever is wrong with the place, the next step there tells it.
        guard let free = try? disk.freeSpace(path.parent), free < Ballast.full else { return }
        try? disk.remove(path)
    }

    /// Bytes that no file system can make smaller.
    private func fill() throws(DiskError) {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 << 20)
        let file = try disk.open(path, .create)
        defer { file.close() }
        for piece in 0..<(Ballast.size >> 20) {
            bytes.removeAll(keepingCapacity: true)
            while bytes.count < 1 << 20 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                for shift in stride(from: UInt64(0), to: 64, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: state >> shift))
                }
            }
            try file.write(bytes, at: Int64(piece) << 20)
        }
        try file.sync()
    }
}
