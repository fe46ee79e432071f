import Member
import Raft
import Storage

/// A snapshot on its way from one machine to another: one `POST /raft/snapshot`.
final class Transfer {
    let from: Int
    let to: Int
    /// Who ordered it, and is told how it went.
    let sender: Member
    /// What Raft wants to say; its snapshot is completed with what the file holds.
    var message: Message
    /// On the disk of who sends, and on that of who receives.
    var file: (any DiskFile)?
    var received: (any DiskFile)?
    var size: Int64 = 0
    var offset: Int64 = 0
    var progress = Progress.sealing

    enum Progress {
        /// The rows are copied into a file.
        case sealing
        /// The file is sent and written down.
        case sending
        /// The same, but the receiver has no use for it, or no place.
        case wasting(isTaken: Bool)
        /// It has arrived, and its rows are loaded.
        case loading
        case over
    }

    init(_ message: Message, from: Int, to: Int, _ sender: Member) {
        self.message = message
        self.from = from
        self.to = to
        self.sender = sender
    }

    /// The rest of it can be cut off.
    var isSending: Bool {
        switch progress {
        case .sealing, .sending, .wasting: true
        case .loading, .over: false
        }
    }
}

/// Something that waits for a machine at some moment of a snapshot's way.
struct Ambush {
    /// Where a process may end.
    enum Moment: CaseIterable {
        case ordered
        case sealed
        case sending
        case receiving
        case received
        case loaded
        case taken
        /// The marker is durable; the member is about to be opened anew.
        case marked
        case closed
        case opened
    }

    enum Fate {
        case crash(MemoryDisk.Tear)
        case powerLossInSync(Int)
        case failedSync(Int)
        case fullDisk(Int64)
    }

    let moment: Moment
    /// So many of these moments pass before.
    var count: Int
    let fate: Fate
}
