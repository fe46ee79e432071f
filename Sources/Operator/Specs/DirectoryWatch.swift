import CLinux
import Glibc

/// Tells when something changes in directories. It watches the directories, not the files in them,
/// so a file that is replaced, a link that is switched and an editor's rename are all seen; what
/// exactly happened is left to the next look, which makes an overflow harmless.
final class DirectoryWatch: Sendable {
    /// Rings for any number of changes.
    let bell: Bell
    private let inotify: Descriptor
    private let events: FileEvents
    private let key: FileEvents.Key

    init(events: FileEvents) throws(OperatorError) {
        let bell = Bell()
        let descriptor = clinux_inotify_create()
        guard descriptor >= 0 else {
            throw OperatorError(
                .process,
                "changes of files cannot be watched: \(systemMessage(-descriptor))",
                remedy: "raise fs.inotify.max_user_instances"
            )
        }
        let inotify = Descriptor(number: descriptor)
        key = try events.watch(descriptor) {
            DirectoryWatch.drain(inotify.number)
            bell.ring()
        }
        self.bell = bell
        self.inotify = inotify
        self.events = events
    }

    deinit {
        events.forget(key)
    }

    /// Closed when nobody uses it any more; the handler may run while the watch goes away.
    private final class Descriptor: Sendable {
        let number: Int32

        init(number: Int32) {
            self.number = number
        }

        deinit {
            close(number)
        }
    }

    /// Watches a directory; again is fine, and needed when it was removed and made anew. False
    /// when it cannot be watched, so that it must be looked at from time to time.
    ///
    /// - Parameter writes: Also ring for each write to a file that stays open, such as a log.
    func add(_ directory: String, writes: Bool = false) -> Bool {
        var mask =
            IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ATTRIB
        if writes { mask |= IN_MODIFY }
        return unsafe inotify_add_watch(inotify.number, directory, UInt32(mask)) >= 0
    }

    /// The content of the events does not matter, but they must be taken.
    private static func drain(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
                guard let start = bytes.baseAddress else { return 0 }
                return unsafe read(descriptor, start, bytes.count)
            }
            if count <= 0 { return }
        }
    }
}
