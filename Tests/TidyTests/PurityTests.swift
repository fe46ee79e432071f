import Testing

/// What decides is pure, and a member's process carries no Foundation.
@Suite struct PurityTests {
    static let pure = ["Raft", "Keyspace", "Planning", "YAML", "ClusterAPI"]
    /// What must run the same every time: it has a port for logs, but nothing else from outside.
    static let deterministic = ["Chance", "Simulator"]
    /// The operator's own tasks, run by the world itself in a fixed order.
    static let withTasks = "Sources/Simulator/Operators/"
    static let withoutFoundation = ["Storage", "GRPC", "Member", "Server", "etcd-member"]

    @Test(arguments: pure)
    func `a pure target imports nothing that waits, tells time or draws numbers`(
        target: String
    ) throws {
        let banned = [
            "Foundation", "Dispatch", "NIOCore", "NIOPosix", "NIOHTTP1", "Logging",
            "Synchronization",
        ]
        for file in try SourceTree.files(in: "Sources/\(target)", endingIn: ".swift") {
            #expect(file.imports.filter(banned.contains).isEmpty, "\(file.path)")
        }
    }

    @Test(arguments: deterministic)
    func `a simulated world imports nothing that waits, tells time or draws numbers`(
        target: String
    ) throws {
        let banned = ["Foundation", "Dispatch", "Glibc", "NIOCore", "NIOPosix", "Synchronization"]
        for file in try SourceTree.files(in: "Sources/\(target)", endingIn: ".swift") {
            #expect(file.imports.filter(banned.contains).isEmpty, "\(file.path)")
        }
    }

    @Test(arguments: pure + deterministic)
    func `a pure target has no clock, no task and no randomness of its own`(target: String) throws {
        let banned = [
            "async", "await", "Task", "Date", "ContinuousClock", "SuspendingClock", "DispatchQueue",
            "SystemRandomNumberGenerator", "clock_gettime", "Thread",
        ]
        for file in try SourceTree.files(in: "Sources/\(target)", endingIn: ".swift")
        where !file.path.hasPrefix(PurityTests.withTasks) {
            for (number, line) in file.lines.enumerated() {
                let found = words(line).filter(banned.contains)
                #expect(found.isEmpty, "\(file.path):\(number + 1): \(line)")
            }
        }
    }

    @Test(arguments: withoutFoundation)
    func `what a member links imports no Foundation`(target: String) throws {
        for file in try SourceTree.files(in: "Sources/\(target)", endingIn: ".swift") {
            #expect(!file.imports.contains("Foundation"), "\(file.path)")
        }
    }

    /// The words of a line's code; its comment and its texts are left out.
    private func words(_ line: String) -> [String] {
        let code = line.split(separator: "//", omittingEmptySubsequences: false).first ?? ""
        let parts = code.split(separator: "\"", omittingEmptySubsequences: false)
        let outside = parts.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        return outside.joined(separator: " ")
            .split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
    }
}
