import ArgumentParser
import Glibc
import Logging
import Operator

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings up the clusters that files declare, and keeps them well.",
        discussion: """
            Files and directories are watched: an edit takes effect within a second or two, and a \
            mistake in a file changes nothing. Members run on when the operator ends, and the next \
            one finds them, unless --stop-on-exit is given.

            EXAMPLES
              etcd-operator run Manifests/samples/quickstart.yaml --stop-on-exit
              etcd-operator run clusters/ --state-dir /var/lib/etcd-operator
            """
    )

    @Argument(
        help: ArgumentHelp(
            "Files with EtcdCluster resources, and directories of such files.",
            discussion: "Without any, only clusters that are known from before are kept well."
        )
    )
    var specs: [String] = []

    @OptionGroup var state: StateOptions

    @Option(
        help: ArgumentHelp(
            "The program of embedded members.",
            discussion: "Default: etcd-member beside this program.",
            valueName: "path"
        )
    )
    var memberBinary: String?

    @Flag(help: "Stop the members too when the operator is interrupted or terminated.")
    var stopOnExit = false

    @Flag(help: "Also log to the standard error what the operator does, step by step.")
    var verbose = false

    func run() async throws {
        try checkSpecs()
        try checkMemberBinary()
        // With --stop-on-exit members are not meant to stay.
        for warning in stopOnExit ? [] : Surroundings().warnings {
            Terminal.standardError.write("warning: \(warning)\n")
        }
        let configuration = OperatorConfiguration(
            stateDirectory: state.path,
            specPaths: specs,
            memberBinary: memberBinary,
            stopOnExit: stopOnExit
        )
        // Lines of a log between them would garble lines that are renewed in place.
        let terminal = verbose ? Terminal.standardOutput.plain : Terminal.standardOutput
        var display = RunDisplay(
            report: RunReport(
                stateOption: state.stateDir.map { "--state-dir \($0)" } ?? "",
                stopsOnExit: stopOnExit,
                terminal: terminal
            ),
            terminal: terminal
        )
        let local = try LocalOperator(configuration, logger: logger)
        let interruption = Interruption()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Run.work(local, until: interruption) }
            // Not among the tasks that a signal cancels: the last words come after it.
            for await progress in local.progress { display.show(progress) }
            try await group.waitForAll()
        }
    }

    /// Runs the operator; the first signal ends it in good order.
    private static func work(
        _ local: LocalOperator,
        until interruption: Interruption
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await local.run() }
            group.addTask { await interruption.first() }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Files that are not there or hold a mistake are slips of the pen, and worth ending for,
    /// unless clusters are known from before: those go on without them.
    private func checkSpecs() throws {
        let known = try? StateDirectory(existing: state.path).clusters()
        let isFirst = known?.isEmpty ?? true
        for path in specs where unsafe access(path, F_OK) != 0 {
            let message = "\(path): there is no such file or directory"
            guard !isFirst else { throw CommandFailure(.notFound, message) }
            Terminal.standardError.write("warning: \(message); known clusters go on without it\n")
        }
        for path in specs {
            guard let sources = try? SpecSource.files(at: path, orNone: true), sources.isEmpty
            else { continue }
            Terminal.standardError.write("\(path): there is no *.yaml or *.yml file in it yet\n")
        }
        guard isFirst else { return }
        let sources = try specs.flatMap { try SpecSource.files(at: $0, orNone: true) }
        let files = try sources.map { SpecFile(path: $0.path, bytes: try $0.read()) }
        guard !files.isEmpty, files.allSatisfy({ !$0.errors.isEmpty }) else { return }
        for problem in files.flatMap(\.errors) {
            Terminal.standardError.write(problem.hasSuffix("\n") ? problem : problem + "\n")
        }
        throw CommandFailure(.failed, "nothing is started from a file with a mistake")
    }

    private func checkMemberBinary() throws {
        guard let memberBinary, unsafe access(memberBinary, X_OK) != 0 else { return }
        let reason = unsafe String(cString: strerror(errno))
        throw CommandFailure(
            .failed,
            "\(memberBinary): the member's program cannot be executed: \(reason); "
                + "correct --member-binary"
        )
    }

    private var logger: Logger {
        var logger = Logger(label: "etcd-operator") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .debug : .error
        return logger
    }
}
