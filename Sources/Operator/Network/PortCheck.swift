import Glibc

/// Whether a TCP port can be listened on.
package enum PortCheck: Hashable {
    case free
    case busy
    /// The address is not of this machine, or no address; the system's words.
    case impossible(String)

    /// Tries it as a server would, with an address that may linger from a finished connection.
    package static func of(_ address: String, port: Int) -> PortCheck {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let failed = unsafe getaddrinfo(address, String(port), &hints, &list)
        guard failed == 0, let info = unsafe list else {
            return .impossible("\(address) is no IP address")
        }
        defer { unsafe freeaddrinfo(list) }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe socket(info.pointee.ai_family, type, 0)
        guard descriptor >= 0 else { return .impossible(systemMessage(errno)) }
        defer { close(descriptor) }
        var on: Int32 = 1
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_REUSEADDR,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        guard unsafe bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0,
            listen(descriptor, 1) == 0
        else {
            return errno == EADDRINUSE ? .busy : .impossible("\(address): \(systemMessage(errno))")
        }
        return .free
    }
}
