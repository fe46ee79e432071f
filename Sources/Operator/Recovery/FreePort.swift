import Glibc

/// Ports of the loopback address that nobody listens on now.
enum FreePort {
    /// So many different ones, from the range that the kernel gives to whoever does not care.
    static func several(_ count: Int) -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    _ = unsafe bind(descriptor, pointer, size)
                    _ = unsafe getsockname(descriptor, pointer, &size)
                }
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
