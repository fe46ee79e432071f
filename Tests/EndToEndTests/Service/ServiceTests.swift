import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// Safety rule 33 on a real systemd with real cgroups: members outlive whatever happens to the
    /// operator's unit.
    @Suite(
        .serialized,
        .enabled(if: SystemdMachine.isThere && Etcdctl.isThere, SystemdMachine.missing),
        .timeLimit(.minutes(5))
    )
    struct ServiceTests {
        private static let unit = "etcd-operator.service"

        @Test func `rule 33: a service as the README installs it loses no member`() async throws {
            try await SystemdMachine.with { machine in
                try await install(on: machine)
                let verified = try await machine.tell(
                    "systemd-analyze verify /etc/systemd/system/\(Self.unit)"
                )
                #expect(verified.status == 0 && verified.errors.isEmpty, "\(verified.errors)")
                try await etcdctl("put before yes", on: machine)
                let members = try await members(of: machine)
                #expect(members.count == 3)

                try await machine.run("systemctl restart etcd-operator")
                try await served(on: machine)
                #expect(try await self.members(of: machine) == members)

                try await operatorIsKilled(on: machine)
                #expect(try await self.members(of: machine) == members)

                try await aMemberIsKilled(members[1], on: machine)
                try await stops(on: machine)
                try await endsAll(on: machine)
            }
        }

        @Test func `rule 33: a unit that would end the members is told of`() async throws {
            try await SystemdMachine.with { machine in
                try await install(on: machine)
                let before = try await machine.run("journalctl --unit \(Self.unit)")
                #expect(!before.contains("ends the members"), "\(before)")
                try await machine.run(
                    """
                    mkdir /etc/systemd/system/\(Self.unit).d
                    printf '[Service]\\nKillMode=control-group\\n' \
                        > /etc/systemd/system/\(Self.unit).d/override.conf
                    systemctl daemon-reload
                    systemctl restart etcd-operator
                    """
                )
                try await eventually("the operator warns") {
                    try await machine.run("journalctl --unit \(Self.unit)")
                        .contains("ends the members with the operator (KillMode=control-group)")
                }
            }
        }

        /// The commands of the README, word by word, where root needs no `sudo`.
        private func install(on machine: SystemdMachine) async throws {
            let readme = String(
                decoding: try readFile("\(repositoryRoot())/README.md"),
                as: UTF8.self
            )
            let section = try #require(readme.split(separator: "## As a service").last)
            let block = try #require(section.split(separator: "```sh\n").dropFirst().first)
            let commands = try #require(block.split(separator: "```").first)
            try await machine.run(
                """
                sudo() {
                    if [ "$1" = -u ]; then
                        set -- setpriv --reuid "$2" --regid "$2" --init-groups "${@:3}"
                    fi
                    "$@"
                }
                \(commands)
                """
            )
            try await served(on: machine)
        }

        private func operatorIsKilled(on machine: SystemdMachine) async throws {
            let main = "systemctl show --property MainPID --value \(Self.unit)"
            let first = try await machine.run(main)
            try await machine.run("kill -9 \(first)")
            try await eventually("systemd starts the operator again") {
                let next = try await machine.run(main)
                return next != "0\n" && next != first
            }
            try await served(on: machine)
        }

        private func aMemberIsKilled(_ pid: String, on machine: SystemdMachine) async throws {
            try await machine.run("kill -9 \(pid)")
            try await eventually("the member is started again") {
                let now = try await members(of: machine)
                return now.count == 3 && !now.contains(pid)
            }
            try await served(on: machine)
        }

        /// The members stay below the unit, as its user, and serve.
        private func stops(on machine: SystemdMachine) async throws {
            let members = try await members(of: machine)
            try await machine.run("systemctl stop etcd-operator")
            let state = try await machine.tell("systemctl is-active etcd-operator")
            #expect(state.output == "inactive\n")
            #expect(try await self.members(of: machine) == members)
            let users = try await machine.run("ps -o user:20= -C etcd-member | sort -u")
            #expect(users == "etcd-operator\n")
            try await etcdctl("put while-stopped yes", on: machine)
            for member in members {
                let cgroup = try await machine.run("cat /proc/\(member)/cgroup")
                #expect(cgroup.contains("/system.slice/\(Self.unit)"), "\(cgroup)")
            }
            try await machine.run("systemctl start etcd-operator")
            try await served(on: machine)
            #expect(try await self.members(of: machine) == members)
            let kept = try await etcdctl("get --print-value-only before", on: machine)
            #expect(kept == "yes\n")
        }

        private func endsAll(on machine: SystemdMachine) async throws {
            try await machine.run("\(Self.asUser) etcd-operator down --all \(Self.state)")
            #expect(try await members(of: machine).isEmpty)
            try await machine.run("systemctl stop etcd-operator")
            let left = try await machine.tell("pgrep -u etcd-operator")
            #expect(left.output.isEmpty, "no process of the service is left")
        }
    }
}

extension EndToEndTests.ServiceTests {
    private static let state = "--state-dir /var/lib/etcd-operator"
    private static let asUser = "setpriv --reuid etcd-operator --regid etcd-operator --init-groups"

    /// The process ids of the members, in order.
    private func members(of machine: SystemdMachine) async throws -> [String] {
        try await machine.tell("pgrep -x etcd-member").output.split(separator: "\n").map(
            String.init
        )
    }

    private func served(on machine: SystemdMachine) async throws {
        try await eventually("the cluster is Running", within: .seconds(60)) {
            let table = try await machine.tell(
                "\(Self.asUser) etcd-operator get etcdclusters \(Self.state)"
            )
            return table.output.contains("3/3     Running")
        }
    }

    @discardableResult
    private func etcdctl(_ words: String, on machine: SystemdMachine) async throws -> String {
        try await machine.run(
            """
            endpoints=$(\(Self.asUser) etcd-operator endpoints quickstart \(Self.state))
            ETCDCTL_API=3 etcdctl --endpoints "$endpoints" \(words)
            """
        )
    }
}
