import Glibc
package import Logging

/// Writes each event as one line to standard error with one system call, so that lines of several
/// threads never mix. JSON lines have the keys of etcd's log (`level`, `ts`, `msg`), then the
/// metadata sorted by key.
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level
    private let asJSON: Bool
    private let descriptor: Int32

    package init(level: Logger.Level, asJSON: Bool, descriptor: Int32 = 2) {
        logLevel = level
        self.asJSON = asJSON
        self.descriptor = descriptor
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let time = WallClock.text(milliseconds: WallClock.milliseconds())
        var line = Self.line(event, all, time: time, asJSON: asJSON)
        line.withUTF8 { bytes in
            // A log that cannot be written has nowhere to complain.
            _ = unsafe write(descriptor, bytes.baseAddress, bytes.count)
        }
    }

    static func line(
        _ event: LogEvent,
        _ metadata: Logger.Metadata,
        time: String,
        asJSON: Bool
    ) -> String {
        let fields = metadata.sorted { $0.key < $1.key }
        var line = ""
        if asJSON {
            line = "{\"level\":\"\(name(of: event.level))\",\"ts\":\"\(time)\",\"msg\":"
            line += JSONText.string(event.message.description)
            for (key, value) in fields {
                line += "," + JSONText.string(key) + ":" + JSONText.string(value.description)
            }
            line += "}\n"
        } else {
            line = "\(time) \(name(of: event.level)) \(event.message)"
            for (key, value) in fields { line += " \(key)=\(value)" }
            line += "\n"
        }
        return line
    }

    /// The level of a name of `--log-level`.
    package static func level(named name: String) -> Logger.Level {
        switch name {
        case "debug": .debug
        case "warn": .warning
        case "error": .error
        case "panic", "fatal": .critical
        default: .info
        }
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }
}
