import Glibc
import Synchronization

/// TCP ports of the loopback that nobody uses at the moment, and that the system gives to nobody:
/// they lie below the range from which it takes ports for connections, and above those that other
/// suites count through.
///
/// Tests run beside each other, and a port that was given away may not be listened on yet: none is
/// given again before all others were.
package func freePorts(_ count: Int) -> [Int] {
    (0..<count).map { _ in
        while true {
            let port = nextPort.withLock { next in
                defer { next = next + 1 < portRange.upperBound ? next + 1 : portRange.lowerBound }
                return next
            }
            if isFree(port) { return Int(port) }
        }
    }
}

private let portRange: Range<UInt16> = 30_100..<32_700

/// Runs of the tests beside each other begin at different places.
private let nextPort = Mutex(UInt16.random(in: portRange))

private func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            unsafe bind(descriptor, generic, length)
        }
    }
    return failed == 0
}
