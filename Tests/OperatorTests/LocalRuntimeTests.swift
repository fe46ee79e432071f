import Glibc
import Operator
import Planning
import Storage
import Synchronization
import TestKit
import Testing

/// Real processes: copies of the shell that wait, with a member's command line.
@Suite struct LocalRuntimeTests {
    private struct Stage {
        let folder: TemporaryDirectory
        let root: String
        let data: String
        let program: String
        /// A script that waits without a child: one that is forked and has not become another
        /// program yet would use the data directory as well.
        let waiting: String

        init() throws {
            folder = try TemporaryDirectory("runtime")
            let state = try StateDirectory(creating: folder.path)
            root = state.root
            data = state.cluster(Sample.name).member("orders-0").data
            let programs = MemberProgram(folder: root + "/bin", embedded: nil, on: FileDisk())
            program = "\(root)/bin/\(try programs.pin("/bin/sh").program)"
            let pipe = root + "/never"
            try #require(unsafe mkfifo(pipe, 0o600) == 0)
            waiting = "exec <> \(pipe); read word"
        }

        func runtime() throws -> LocalRuntime {
            LocalRuntime(root: root, events: try FileEvents())
        }

        func start(_ script: String, with runtime: LocalRuntime) throws -> Int32 {
            let id = try runtime.start(
                program,
                ["-c", script, "--data-dir=\(data)"],
                data: data,
                log: root + "/log/member.log"
            )
            // Its command line is there a moment after its process is.
            let end = ContinuousClock.now + .seconds(10)
            while commandLine(of: id).isEmpty, runtime.process(using: data) != .none,
                ContinuousClock.now < end
            { sched_yield() }
            return id
        }

        private func commandLine(of id: Int32) -> [UInt8] {
            guard let file = unsafe fopen("/proc/\(id)/cmdline", "r") else { return [] }
            defer { unsafe fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe fread(&bytes, 1, bytes.count, file)
            return Array(bytes[..<count])
        }

        func clean(_ runtime: LocalRuntime) async throws {
            try await runtime.stopAll([data], patience: .seconds(5))
            folder.remove()
        }
    }

    @Test func `rule 12: an exit is seen with its status, and only then is the process gone`()
        async throws
    {
        let stage = try Stage()
        let runtime = try stage.runtime()
        _ = try stage.start("exit 3", with: runtime)
        try await eventually("it ends") { runtime.process(using: stage.data) == .none }
        let ended = runtime.takeEnded(stage.data)
        #expect(ended.map(\.status) == [.code(3)])
        #expect(ended.map(\.witnessed) == [true])
        #expect(runtime.takeEnded(stage.data).isEmpty)
        try await stage.clean(runtime)
    }

    @Test func `a member that ends while we look is not taken for a stranger`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        let done = Flag()
        async let strangers = Task.detached {
            var strangers: [String] = []
            while !done.isSet {
                try runtime.adopt(ifOlderThan: .zero)
                if case .foreign(let why) = runtime.process(using: stage.data) {
                    strangers.append(why)
                }
            }
            return strangers
        }.value
        for _ in 0..<200 {
            kill(try stage.start(stage.waiting, with: runtime), SIGKILL)
            try await eventually("it ends") { runtime.process(using: stage.data) == .none }
        }
        done.set()
        #expect(try await strangers == [])
        try await stage.clean(runtime)
    }

    @Test func `a killed process is reported by its signal`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        let id = try stage.start(stage.waiting, with: runtime)
        kill(id, SIGKILL)
        try await eventually("it ends") { runtime.process(using: stage.data) == .none }
        #expect(runtime.takeEnded(stage.data).map(\.status) == [.signal(SIGKILL)])
        try await stage.clean(runtime)
    }

    @Test func `rule 12: two processes on one data directory are impossible`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        _ = try stage.start(stage.waiting, with: runtime)
        #expect(throws: OperatorError.self) { try stage.start(stage.waiting, with: runtime) }
        let other = try stage.runtime()
        // Its command line is there a moment after its process is.
        try await eventually("it is seen") {
            _ = try other.adopt(ifOlderThan: .zero)
            return other.process(using: stage.data) != .none
        }
        #expect(throws: OperatorError.self) { try stage.start(stage.waiting, with: other) }
        try await stage.clean(runtime)
    }

    @Test func `rule 34: another operator adopts what it finds and can stop it`() async throws {
        let stage = try Stage()
        let first = try stage.runtime()
        let id = try stage.start(stage.waiting, with: first)
        let second = try stage.runtime()
        #expect(try second.adopt(ifOlderThan: .zero) == 1)
        #expect(try second.adopt(ifOlderThan: .zero) == 0)
        guard case .running(id, _) = second.process(using: stage.data) else {
            Issue.record("process \(id) was not adopted")
            return
        }
        try await second.stopAll([stage.data], patience: .seconds(5))
        #expect(second.process(using: stage.data) == .none)
        try await eventually("the parent sees it") { first.process(using: stage.data) == .none }
        let ended = first.takeEnded(stage.data)
        // Both runtimes are in this one process, so either may reap the child.
        #expect(ended.map(\.status) == [.signal(SIGTERM)] || ended.map(\.status) == [.unseen])
        #expect(ended.map(\.wasAsked) == [false])
        try await stage.clean(first)
    }

    @Test func `rule 34: a process that is not from our programs is foreign`() async throws {
        let stage = try Stage()
        let stranger = try Program("/bin/sh", ["-c", stage.waiting, "--data-dir=\(stage.data)"])
        let runtime = try stage.runtime()
        // Its command line is there a moment after its process is.
        try await eventually("it is seen") {
            let adopted = try runtime.adopt(ifOlderThan: .zero)
            #expect(adopted == 0)
            return runtime.process(using: stage.data) != .none
        }
        guard case .foreign(let why) = runtime.process(using: stage.data) else {
            Issue.record("the stranger was not seen")
            return
        }
        #expect(why.contains("was not started by an operator"), "\(why)")
        #expect(throws: OperatorError.self) { try stage.start("exit 0", with: runtime) }
        stranger.signal(SIGKILL)
        try await stranger.waitForExit()
        try runtime.adopt(ifOlderThan: .zero)
        #expect(runtime.process(using: stage.data) == .none)
        try await stage.clean(runtime)
    }

    @Test func `rule 34: a member is known by its directory, wherever that was moved`() async throws
    {
        let stage = try Stage()
        let first = try stage.runtime()
        let id = try stage.start("exec <> \(stage.root)/never; echo ready; read word", with: first)
        // It opens its files by their old names: before they are elsewhere for a moment.
        try await eventually("it has opened its files") {
            try readFile(stage.root + "/log/member.log").starts(with: "ready".utf8)
        }
        let moved = stage.root + "-moved"
        try FileDisk().rename(stage.root, to: moved)
        try link(moved, stage.root)
        let second = LocalRuntime(root: moved, events: try FileEvents())
        #expect(try second.adopt(ifOlderThan: .zero) == 1)
        let data = try #require(second.users(below: moved).first)
        #expect(data == moved + stage.data.dropFirst(stage.root.count))
        guard case .running(id, _) = second.process(using: data) else {
            Issue.record("process \(id) was not found again")
            return
        }
        try await second.stopAll([data], patience: .seconds(5))
        try FileDisk().remove(stage.root)
        try FileDisk().rename(moved, to: stage.root)
        try await stage.clean(first)
    }

    @Test(.enabled(if: canUnshare, "SKIPPED: mount namespaces need root"))
    func `rule 34: a container's member with our paths on its command line is not ours`()
        async throws
    {
        let stage = try Stage()
        let other = try TemporaryDirectory("container")
        defer { other.remove() }
        try FileDisk().createDirectory(stage.data)
        let stranger = try Program(
            "/usr/bin/unshare",
            [
                "-m", "/bin/sh", "-c",
                """
                cp -a \(stage.root)/. \(other.path) && mount --bind \(other.path) \(stage.root) &&
                echo there && exec \(stage.program) -c '\(stage.waiting)' --data-dir=\(stage.data)
                """,
            ]
        )
        try await eventually("it runs in its own view") {
            let command = try readFile("/proc/\(stranger.pid)/cmdline")
            return String(decoding: command, as: UTF8.self).hasPrefix(stage.program)
        }
        let runtime = try stage.runtime()
        #expect(try runtime.adopt(ifOlderThan: .zero) == 0)
        #expect(runtime.process(using: stage.data) == .none)
        stranger.signal(SIGKILL)
        try await stranger.waitForExit()
        try await stage.clean(runtime)
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    static let canUnshare =
        geteuid() == 0
        && (try? FileDisk().status("/usr/bin/unshare")) != nil

    @Test func `rule 34: a child that another cluster's look meets just born is still a child`()
        async throws
    {
        let stage = try Stage()
        let runtime = try stage.runtime()
        let data = (0..<4).map { "\(stage.data.dropLast(4))\($0)/data" }
        let done = Flag()
        try await withThrowingTaskGroup(of: [EndedProcess].self) { group in
            for data in data {
                group.addTask {
                    var ends: [EndedProcess] = []
                    for _ in 0..<8 {
                        _ = try runtime.start(
                            stage.program,
                            ["-c", "exit 7", "--data-dir=\(data)"],
                            data: data,
                            log: data + ".log"
                        )
                        try await eventually("it ends") { runtime.process(using: data) == .none }
                        ends += runtime.takeEnded(data)
                    }
                    return ends
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    while !done.isSet {
                        try runtime.adopt(ifOlderThan: .zero)
                        await Task.yield()
                    }
                    return []
                }
            }
            var ends: [EndedProcess] = []
            for _ in data { ends += try await group.next() ?? [] }
            done.set()
            try await group.waitForAll()
            #expect(ends.count == 32)
            #expect(ends.allSatisfy { $0.witnessed && $0.status == .code(7) })
        }
        try await stage.clean(runtime)
    }

    @Test func `what ignores SIGTERM is killed when patience ends`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        _ = try stage.start("trap '' TERM; " + stage.waiting, with: runtime)
        try await Task.sleep(for: .milliseconds(100))
        try await runtime.stopAll([stage.data], patience: .milliseconds(200))
        #expect(runtime.process(using: stage.data) == .none)
        #expect(runtime.takeEnded(stage.data).map(\.status) == [.signal(SIGKILL)])
        try await stage.clean(runtime)
    }

    @Test func `a member has a session of its own and none of the operator's descriptors`()
        async throws
    {
        let stage = try Stage()
        let runtime = try stage.runtime()
        let listener = try Listener()  // not close-on-exec
        let id = try stage.start(stage.waiting, with: runtime)
        #expect(getsid(id) == id)
        // The loader opens libraries before the program runs.
        try await eventually("only the standard streams are open") {
            fileNames(in: "/proc/\(id)/fd").sorted() == ["0", "1", "2"]
        }
        listener.stop()
        try await stage.clean(runtime)
    }

    @Test func `output goes to a file of its own for each run, and few are kept`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        for number in 0..<7 {
            _ = try stage.start("echo run \(number)", with: runtime)
            try await eventually("it ends") { runtime.process(using: stage.data) == .none }
        }
        let names = fileNames(in: stage.root + "/log").sorted()
        #expect(names == ["member.log"] + (1...4).map { "member.log.\($0)" })
        #expect(try FileDisk().read(stage.root + "/log/member.log") == Array("run 6\n".utf8))
        #expect(try FileDisk().read(stage.root + "/log/member.log.4") == Array("run 2\n".utf8))
        try await stage.clean(runtime)
    }

    @Test func `a log that grows is cut while the member goes on writing`() async throws {
        let stage = try Stage()
        let runtime = try stage.runtime()
        _ = try stage.start(
            "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done",
            with: runtime
        )
        let log = MemberLog(path: stage.root + "/log/member.log", disk: FileDisk(), maxBytes: 100)
        try await eventually("it writes") { try FileDisk().status(log.path)?.size ?? 0 > 100 }
        try log.trim()
        #expect(try FileDisk().status(log.path + ".1")?.size ?? 0 > 100)
        try await eventually("it writes on, from the new start") {
            String(decoding: try FileDisk().read(log.path), as: UTF8.self).hasPrefix("line ")
        }
        try await stage.clean(runtime)
    }

    @Test func `rule 35: a copy that was damaged is made again from the same program only`() throws
    {
        let folder = try TemporaryDirectory("program")
        defer { folder.remove() }
        let disk = FileDisk()
        let source = folder.path + "/member"
        let text = Array("#!/bin/sh\n".utf8)
        try disk.replace(source, with: text, permissions: 0o755)
        let programs = MemberProgram(folder: folder.path + "/bin", embedded: source, on: disk)
        let pinned = try programs.pin(source)
        let path = try programs.path(of: pinned, from: source)
        for damage in ["cut", "gone"] {
            if damage == "cut" { try disk.replace(path, with: []) } else { try disk.remove(path) }
            #expect(try programs.path(of: pinned, from: source) == path)
            #expect(try disk.read(path) == text)
        }
        try disk.replace(path, with: [1])
        try disk.replace(source, with: text + text, permissions: 0o755)
        let error = #expect(throws: OperatorError.self) {
            try programs.path(of: pinned, from: source)
        }
        #expect(error?.code == .binaryMissing && error?.place == path)
        #expect(error?.remedy.contains(pinned.sha256) == true)
    }

    @Test func `rule 35: a program is copied once, and a changed one beside it`() throws {
        let folder = try TemporaryDirectory("program")
        defer { folder.remove() }
        let disk = FileDisk()
        let source = folder.path + "/member"
        try disk.replace(source, with: Array("#!/bin/sh\n".utf8), permissions: 0o755)
        let programs = MemberProgram(folder: folder.path + "/bin", embedded: source, on: disk)
        let first = try programs.pin(source)
        #expect(try programs.pin(source) == first)
        try disk.replace(source, with: Array("#!/bin/sh\nexit 1\n".utf8), permissions: 0o755)
        let second = try programs.pin(source)
        #expect(second.program != first.program)
        let path = try programs.path(of: first, from: source)
        #expect(path == "\(folder.path)/bin/\(first.program)")
        #expect(try disk.read(path) == Array("#!/bin/sh\n".utf8))
        #expect(first.sha256 == "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf")
        let error = #expect(throws: OperatorError.self) { try programs.pin(folder.path + "/none") }
        #expect(error?.code == .binaryMissing)
    }
}
