import Glibc

/// A TCP port of the loopback that this test process listens on.
final class Listener {
    let port: Int
    private let descriptor: Int32

    struct Failed: Error {}

    /// - Parameter port: 0: any that is free.
    init(port wanted: Int = 0) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_port = UInt16(wanted).bigEndian
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        self.descriptor = descriptor
        guard bound else { throw Failed() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func stop() {
        close(descriptor)
    }
}

/// Makes a symbolic link.
func link(_ target: String, _ path: String) throws {
    guard unsafe symlink(target, path) == 0 else { throw Listener.Failed() }
}
