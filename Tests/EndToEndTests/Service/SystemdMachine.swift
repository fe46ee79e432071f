import Foundation
import TestKit
import Testing

/// A machine with a systemd of its own, as far as namespaces of Linux make one: its processes,
/// cgroups and network are apart, and what it writes below /etc, /usr/local and /var is in memory.
/// Everything in it ends with it.
final class SystemdMachine {
    private let host: Program
    /// The systemd as the test sees it.
    private let systemd: Int32

    private static let boot = """
        set -e
        mount -t tmpfs tmpfs /run
        for folder in /etc /usr/local /var; do
            mkdir -p /run/over$folder/upper /run/over$folder/work
            mount -t overlay overlay $folder \
                -o lowerdir=$folder,upperdir=/run/over$folder/upper,workdir=/run/over$folder/work
        done
        # The repository stays where it is, also below /tmp.
        mkdir /run/repository
        mount --bind "$1" /run/repository
        mount -t tmpfs tmpfs /tmp
        mkdir -p "$1"
        mount --bind /run/repository "$1"
        ip link set lo up
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
            "$0" --system --unit=basic.target --log-target=journal --show-status=0
        """

    /// Namespaces for mounts, processes, cgroups, network, host name and messages.
    private static let apart = ["-m", "-p", "-C", "-n", "-u", "-i", "--fork", "--mount-proc"]

    private init() async throws {
        let program = try #require(Self.program)
        let unshare = try #require(installed("unshare"))
        host = try Program(
            unshare,
            Self.apart
                + ["--kill-child", "/bin/bash", "-c", Self.boot, program, repositoryRoot()]
        )
        let host = host
        let children = "/proc/\(host.pid)/task/\(host.pid)/children"
        var first: Int32?
        try await eventually("unshare has a child") {
            guard host.isRunning else { throw Failed(host.errors) }
            first = try Int32(
                String(decoding: readFile(children), as: UTF8.self).split(separator: " ").first
                    ?? ""
            )
            return first != nil
        }
        systemd = try #require(first)
        try await eventually("systemd runs", within: .seconds(60)) {
            guard host.isRunning else { throw Failed(host.errors) }
            return try await tell("systemctl is-system-running").output == "running\n"
        }
    }

    deinit { host.signal(SIGKILL) }

    /// Runs `body` on a machine that has started, and ends the machine.
    static func with(_ body: (SystemdMachine) async throws -> Void) async throws {
        let machine = try await SystemdMachine()
        do {
            try await body(machine)
        } catch {
            let journal = try await machine.tell("journalctl --no-pager --lines 100").output
            Issue.record("the machine's journal ends with:\n\(journal)")
            try await machine.end()
            throw error
        }
        try await machine.end()
    }

    private func end() async throws {
        host.signal(SIGKILL)
        try await host.waitForExit()
    }

    /// Runs a script as root on the machine, at the top of the repository.
    @discardableResult
    func tell(_ script: String) async throws -> Program.Outcome {
        try await Program.run(
            try #require(installed("nsenter")),
            [
                "--target", "\(systemd)", "--all", "/bin/bash", "-c",
                "cd \(repositoryRoot())\n\(script)",
            ]
        )
    }

    /// The same, but a script that fails is an error; gives what it printed.
    @discardableResult
    func run(_ script: String) async throws -> String {
        let outcome = try await tell("set -e\n\(script)")
        guard outcome.status == 0 else {
            throw Failed("\(script): status \(outcome.status)\n\(outcome.output)\(outcome.errors)")
        }
        return outcome.output
    }

    struct Failed: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }
}

extension SystemdMachine {
    static let missing: Comment =
        "systemd (apt-get install systemd), and the right to make namespaces"

    private static var program: String? {
        ["/lib/systemd/systemd", "/usr/lib/systemd/systemd"].lazy.compactMap(executable).first
    }

    /// Whether systemd is there and this process may make a machine.
    static let isThere: Bool = {
        guard program != nil, let unshare = installed("unshare"), installed("nsenter") != nil,
            installed("ip") != nil
        else {
            if environment("REQUIRE_ETCD") != nil {
                Issue.record("systemd, unshare, nsenter or ip is missing, although needed")
            }
            return false
        }
        let trial = Process()
        trial.executableURL = URL(fileURLWithPath: unshare)
        trial.arguments = apart + ["mount", "-t", "tmpfs", "tmpfs", "/run"]
        trial.standardError = FileHandle.nullDevice
        guard (try? trial.run()) != nil else { return false }
        trial.waitUntilExit()
        return trial.terminationStatus == 0
    }()
}
