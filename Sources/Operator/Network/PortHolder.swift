import Storage

/// Finds the process that listens on a port, for messages: `/proc/net/tcp` gives the socket,
/// `/proc/<pid>/fd` its owner.
package struct PortHolder {
    package init() {}

    /// Such as `process 812 (etcd)`; "another process" when it cannot be told, as for a process
    /// of another user.
    package func describe(port: Int) -> String {
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(in: $0, port: port) }
        guard !sockets.isEmpty, let names = try? FileDisk().list("/proc") else {
            return "another process"
        }
        for id in names.compactMap({ Int32($0) }).sorted() {
            guard let descriptors = try? FileDisk().list("/proc/\(id)/fd") else { continue }
            for name in descriptors
            where sockets.contains(linkTarget("/proc/\(id)/fd/\(name)") ?? "") {
                let command = ProcFile.text("/proc/\(id)/comm") ?? "?"
                return "process \(id) (\(command.filter { !$0.isNewline }))"
            }
        }
        return "another process"
    }

    /// The `socket:[inode]` names of what listens on the port.
    private func listeners(in file: String, port: Int) -> [String] {
        guard let text = ProcFile.text(file) else { return [] }
        let hex = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        return text.split(separator: "\n").dropFirst()
            .compactMap { line in
                let fields = line.split(separator: " ")
                // Local address, state 0A = listening, inode.
                guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == "0A" else {
                    return nil
                }
                return "socket:[\(fields[9])]"
            }
    }
}
