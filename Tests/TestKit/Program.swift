import Foundation
import Synchronization

/// A program started by a test. Whatever a test starts it ends, by its own process id.
package final class Program: Sendable {
    package let name: String
    package let pid: Int32
    private let process: Process
    private let transcript: Transcript

    /// Starts `path` with `arguments`; `environment` is added to the test's own.
    package init(
        _ path: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String? = nil
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { _, new in new }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        process.standardInput = FileHandle.nullDevice
        let transcript = Transcript()
        process.standardOutput = transcript.collect(into: \.output)
        process.standardError = transcript.collect(into: \.errors)
        try process.run()
        self.name = URL(fileURLWithPath: path).lastPathComponent
        self.process = process
        self.transcript = transcript
        pid = process.processIdentifier
    }

    /// What it has written to standard output so far.
    package var output: String { transcript.text.output }

    /// What it has written to standard error so far.
    package var errors: String { transcript.text.errors }

    package var isRunning: Bool { process.isRunning }

    /// Sends a signal; a program that has ended is left alone.
    package func signal(_ number: Int32) {
        if process.isRunning { _ = kill(pid, number) }
    }

    /// Waits for its end and gives the exit status; a signal's death counts as 128 + its number.
    @discardableResult
    package func waitForExit(within limit: Duration = .seconds(30)) async throws -> Int32 {
        try await eventually("\(name) ends", within: limit) { !self.process.isRunning }
        process.waitUntilExit()
        transcript.waitForEnd()
        return process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    /// Runs a program to its end.
    package static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        directory: String? = nil,
        within limit: Duration = .seconds(30)
    ) async throws -> Outcome {
        let program = try Program(
            path,
            arguments,
            environment: environment,
            directory: directory
        )
        do {
            let status = try await program.waitForExit(within: limit)
            return Outcome(status: status, output: program.output, errors: program.errors)
        } catch {
            program.signal(SIGKILL)
            throw error
        }
    }

    /// What a program that ended has left.
    package struct Outcome: Sendable {
        package let status: Int32
        package let output: String
        package let errors: String
    }
}

/// The two streams of a program as they grow. Each has a thread of its own that reads it, so that
/// what was written first comes first.
private final class Transcript: Sendable {
    struct Bytes: Sendable {
        var output = Data()
        var errors = Data()
    }

    private let bytes = Mutex(Bytes())
    private let ended = DispatchSemaphore(value: 0)

    var text: (output: String, errors: String) {
        let bytes = bytes.withLock { $0 }
        return (
            String(decoding: bytes.output, as: UTF8.self),
            String(decoding: bytes.errors, as: UTF8.self)
        )
    }

    func collect(into stream: any WritableKeyPath<Bytes, Data> & Sendable) -> Pipe {
        let pipe = Pipe()
        let reader = pipe.fileHandleForReading
        Thread { [self] in
            while true {
                // It waits until there is some, and gives none at the end.
                let data = reader.availableData
                if data.isEmpty { break }
                bytes.withLock { $0[keyPath: stream].append(data) }
            }
            ended.signal()
        }.start()
        return pipe
    }

    /// Waits until both streams have been read to their end, five seconds for each at most: a
    /// grandchild that inherited them may hold them open for longer.
    func waitForEnd() {
        for _ in 0..<2 { _ = ended.wait(timeout: .now() + 5) }
    }
}

/// A condition that did not come true in time.
package struct NotInTime: Error, CustomStringConvertible {
    package let description: String
}

/// Waits until `condition` holds, looking every 20 ms; for facts of other processes, of which no
/// event tells.
package func eventually(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else {
            throw NotInTime(description: "not within \(limit): \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
