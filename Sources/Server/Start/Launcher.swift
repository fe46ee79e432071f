import Glibc
import Logging
import NIOCore
import NIOPosix

/// The life of the process `etcd-member`: flags, start, signals, end.
package enum Launcher {
    /// Runs a member until it is told to stop; the exit code says how it ended. To be called on the
    /// main thread before there is any other: it waits for signals there.
    package static func run(
        arguments: [String],
        environment: [String: String],
        workingDirectory: String
    ) -> Never {
        var settings: Settings
        do throws(Fatal) {
            if let code = try Command.run(arguments, workingDirectory: workingDirectory) {
                exit(code.rawValue)
            }
            let flags = try FlagParser(arguments: arguments, environment: environment)
            if flags.isGiven("help") {
                StandardStream.output.write(Usage.help)
                exit(ExitCode.stopped.rawValue)
            }
            if flags.isGiven("version") {
                let announced = AnnouncedVersion(level: flags.value("compatibility"))
                StandardStream.output.write(Usage.version(announced))
                exit(ExitCode.stopped.rawValue)
            }
            settings = try Settings(flags, workingDirectory: workingDirectory)
            settings.initDaemon = InitDaemon(environment)
        } catch {
            end(with: error)
        }
        Signals.block()
        let (level, isJSON) = (settings.logLevel, settings.logAsJSON)
        let logger = Logger(label: "etcd-member") { _ in
            LineLogHandler(level: level, asJSON: isJSON)
        }
        for warning in settings.warnings { logger.warning("\(warning)") }
        let starting = Task { [settings] in await start(settings, logger) }
        // Awaited here, because a line that is not written does not ask for what is in it.
        let first = Signals.next()
        logger.info("received a signal", metadata: ["signal": "\(first)"])
        Task {
            await starting.value.stop()
            exit(ExitCode.stopped.rawValue)
        }
        // Whoever asks a second time does not want to wait.
        let second = Signals.next()
        logger.warning("stopping at once", metadata: ["signal": "\(second)"])
        exit(ExitCode.stopped.rawValue)
    }

    private static func start(_ settings: Settings, _ logger: Logger) async -> MemberServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do throws(Fatal) {
            let server = try await MemberServer.start(
                settings,
                eventLoop: group.next(),
                logger: logger,
                // Nothing may go on after this: what is in memory may not be what is on disk.
                onFatal: { fatal in end(with: fatal) }
            )
            logger.info(
                "listening",
                metadata: [
                    "name": "\(settings.name)",
                    "member-id": "\(server.identity.memberID)",
                    "cluster-id": "\(server.identity.clusterID)",
                    "client-urls": "\(list(settings.listenClientURLs))",
                    "peer-urls": "\(list(settings.listenPeerURLs))",
                    "data-dir": "\(settings.dataDirectory)",
                    "version": "\(settings.announced.client)",
                ]
            )
            return server
        } catch {
            end(with: error)
        }
    }

    private static func list(_ urls: [ListenURL]) -> String {
        urls.map(\.description).joined(separator: ",")
    }

    /// Says why, in one line, and ends with the code.
    private static func end(with fatal: Fatal) -> Never {
        StandardStream.error.write("etcd-member: \(fatal)\n")
        exit(fatal.code.rawValue)
    }
}

/// Text for people and scripts, written with one system call each.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            // A stream that is gone has nobody who could be told.
            _ = unsafe Glibc.write(rawValue, bytes.baseAddress, bytes.count)
        }
    }

    /// Whether people look at it.
    var isTerminal: Bool { isatty(rawValue) == 1 }
}
