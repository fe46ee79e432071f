import Foundation
import Glibc
import Simulator

/// A child process that runs seeds, as its parent sees it.
final class WorkerProcess {
    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()
    private var unread: [UInt8] = []
    private var complaint: [UInt8] = []
    private var lastHeard = ContinuousClock.now
    /// The seed that it is running.
    private(set) var seed: UInt64
    private(set) var hasEnded = false
    /// The seeds left, this one included.
    private(set) var left: UInt64
    private var isBetween = true
    private(set) var story: [String] = []

    /// A seed that takes longer than this, in true time, does not end.
    static let patience = Duration.seconds(120)

    init(first: UInt64, count: UInt64, _ overrides: Overrides, tellsStory: Bool = false) throws {
        seed = first
        left = count
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments =
            ["--worker", "--first", "\(first)", "--seeds", "\(count)"]
            + (tellsStory ? ["--story"] : []) + overrides.arguments.map(Self.unquoted)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
    }

    /// Arguments are written for a shell, which is not asked here.
    private static func unquoted(_ word: String) -> String {
        word.hasPrefix("'") ? String(word.dropFirst().dropLast()) : word
    }

    var outputDescriptor: Int32 { output.fileHandleForReading.fileDescriptor }
    var errorDescriptor: Int32 { errors.fileHandleForReading.fileDescriptor }

    /// Reads what has come; gives the reports in it. At its end it says so by `hasEnded`, and a
    /// seed during which the process died is reported as a violation.
    func read() -> [Report] {
        complaint += Self.available(errorDescriptor) ?? []
        if complaint.count > 1 << 16 { complaint.removeFirst(complaint.count - (1 << 16)) }
        guard let bytes = Self.available(outputDescriptor) else { return finish() }
        if !bytes.isEmpty { lastHeard = .now }
        unread += bytes
        var reports: [Report] = []
        while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: unread[..<end], as: UTF8.self)
            unread.removeSubrange(...end)
            if let report = take(line) { reports.append(report) }
        }
        if ContinuousClock.now - lastHeard > Self.patience {
            _ = kill(process.processIdentifier, SIGKILL)
        }
        return reports
    }

    private func take(_ line: String) -> Report? {
        if line.hasPrefix("begin ") {
            seed = UInt64(line.dropFirst(6)) ?? seed
            isBetween = false
        } else if line.hasPrefix("story ") {
            story.append(String(line.dropFirst(6)))
        } else if line.hasPrefix("end "), let report = Report(line: line.dropFirst(4)) {
            left -= 1
            isBetween = true
            return report
        }
        return nil
    }

    private func finish() -> [Report] {
        process.waitUntilExit()
        complaint += Self.available(errorDescriptor) ?? []
        hasEnded = true
        try? output.fileHandleForReading.close()
        try? errors.fileHandleForReading.close()
        if process.terminationReason == .exit, process.terminationStatus == 0 { return [] }
        let isLate = ContinuousClock.now - lastHeard > Self.patience
        let violation =
            isLate
            ? Violation("a seed ends", "not within \(Self.patience)")
            : Violation("no invariant breaks", reason)
        defer { left -= min(left, 1) }
        return [
            Report(
                seed: seed,
                digest: 0,
                events: 0,
                virtualMicros: 0,
                operations: 0,
                faults: Counts(),
                occasions: Counts(),
                violation: violation
            )
        ]
    }

    /// What the process said when it stopped.
    private var reason: String {
        let lines = String(decoding: complaint, as: UTF8.self).split(separator: "\n")
        let fatal = lines.last { $0.contains("Fatal error") } ?? lines.last
        return fatal.map(String.init) ?? "the process ended with \(process.terminationStatus)"
    }

    func end() {
        if process.isRunning { _ = kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// What can be read now: nothing yet is empty, the end is nil.
    private static func available(_ descriptor: Int32) -> [UInt8]? {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var bytes: [UInt8] = []
        while unsafe poll(&state, 1, 0) > 0 {
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count <= 0 { return bytes.isEmpty ? nil : bytes }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
