import Glibc
import Logging

/// The one who started the process and waits for its word: systemd, for a unit of `Type=notify`,
/// which Debian's `etcd.service` is.
struct InitDaemon {
    /// The path of a datagram socket, with `@` in front in the abstract name space.
    let socket: String

    /// What `NOTIFY_SOCKET` names; nil when nobody waits.
    init?(_ environment: [String: String]) {
        guard let socket = environment["NOTIFY_SOCKET"], !socket.isEmpty else { return nil }
        self.socket = socket
    }

    /// Says that the member serves. Whoever cannot be reached is not worth a member's life.
    func notifyReady(_ logger: Logger) {
        logger.info("notifying init daemon")
        let failed = send(Array("READY=1".utf8))
        guard failed == 0 else {
            logger.error(
                "failed to notify systemd for readiness",
                metadata: ["socket": "\(socket)", "errno": "\(failed)"]
            )
            return
        }
        logger.info("successfully notified init daemon")
    }

    /// Zero, or the number of the error.
    private func send(_ message: [UInt8]) -> Int32 {
        var path = Array(socket.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return ENAMETOOLONG }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
                return unsafe sendto(descriptor, message, message.count, flags, generic, length)
            }
        }
        return sent < 0 ? errno : 0
    }
}
