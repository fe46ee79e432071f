import CLinux
import Glibc
import Synchronization

/// One thread that waits on descriptors for the rest of the operator: the ends of processes
/// (pidfd) and changes in directories (inotify).
///
/// A handler runs on that thread, so it must be short and must not wait. It is called once each
/// time its descriptor becomes readable, and stays until it is forgotten.
package final class FileEvents: Sendable {
    typealias Handler = @Sendable () -> Void

    private struct Watch {
        let descriptor: Int32
        let handler: Handler
    }

    private struct State {
        var watches: [UInt64: Watch] = [:]
        var nextKey: UInt64 = 1
    }

    /// Names a descriptor that is watched.
    struct Key: Hashable, Sendable {
        fileprivate let value: UInt64
    }

    private let epoll: Int32
    private let alarm: Int32
    private let state = Mutex(State())
    private static let alarmKey: UInt64 = 0

    package init() throws(OperatorError) {
        epoll = try FileEvents.checked(clinux_epoll_create(), "create an epoll instance")
        alarm = try FileEvents.checked(clinux_eventfd_create(), "create an eventfd")
        _ = try FileEvents.checked(
            clinux_epoll_watch(epoll, alarm, FileEvents.alarmKey),
            "watch an eventfd"
        )
        try FileEvents.startThread(Loop(owner: self, epoll: epoll, alarm: alarm))
    }

    deinit {
        // The thread owns the descriptors from here: it closes them when it sees the alarm.
        _ = clinux_eventfd_signal(alarm)
    }

    /// Calls the handler each time the descriptor becomes readable.
    func watch(_ descriptor: Int32, _ handler: @escaping Handler) throws(OperatorError) -> Key {
        let key = state.withLock { state in
            let key = state.nextKey
            state.nextKey += 1
            state.watches[key] = Watch(descriptor: descriptor, handler: handler)
            return key
        }
        let result = clinux_epoll_watch(epoll, descriptor, key)
        if result < 0 {
            state.withLock { _ = $0.watches.removeValue(forKey: key) }
            _ = try FileEvents.checked(result, "watch a descriptor")
        }
        return Key(value: key)
    }

    /// No handler of this key starts after it returned, unless it was running already. The
    /// descriptor stays open.
    func forget(_ key: Key) {
        let watch = state.withLock { $0.watches.removeValue(forKey: key.value) }
        if let watch { _ = clinux_epoll_forget(epoll, watch.descriptor) }
    }

    fileprivate func dispatch(_ key: UInt64) {
        guard let watch = state.withLock({ $0.watches[key] }) else { return }
        watch.handler()
        // It was reported once; whoever is still interested is told again.
        state.withLock { state in
            guard state.watches[key] != nil else { return }
            _ = clinux_epoll_rearm(epoll, watch.descriptor, key)
        }
    }

    private static func checked(_ result: Int32, _ what: String) throws(OperatorError) -> Int32 {
        guard result < 0 else { return result }
        throw OperatorError(.process, "cannot \(what): \(systemMessage(-result))")
    }

    private static func startThread(_ loop: Loop) throws(OperatorError) {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(loop)
        let failed = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Loop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            argument.toOpaque()
        )
        guard failed == 0 else {
            unsafe argument.release()
            throw OperatorError(.process, "cannot start a thread: \(systemMessage(failed))")
        }
        pthread_detach(thread)
    }

    /// What the thread holds: not the owner, which could then never go away.
    private final class Loop: Sendable {
        private weak let owner: FileEvents?
        private let epoll: Int32
        private let alarm: Int32

        init(owner: FileEvents, epoll: Int32, alarm: Int32) {
            self.owner = owner
            self.epoll = epoll
            self.alarm = alarm
        }

        func run() {
            var keys = [UInt64](repeating: 0, count: 32)
            while true {
                let count = unsafe clinux_epoll_wait(epoll, &keys, Int32(keys.count), -1)
                if count < 0 || keys.prefix(Int(count)).contains(FileEvents.alarmKey) { break }
                for key in keys.prefix(Int(count)) { owner?.dispatch(key) }
            }
            close(epoll)
            close(alarm)
        }
    }
}
