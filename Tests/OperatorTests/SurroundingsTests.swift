import Foundation
import Operator
import TestKit
import Testing

/// Safety rule 33: whoever starts an operator where members would not outlive it is told so.
@Suite struct SurroundingsTests {
    static let service = "0::/system.slice/etcd-operator.service\n"
    static let shell = "Name:\tetcd-operator\nPid:\t812\nPPid:\t640\n"

    struct Case: CustomTestStringConvertible {
        let name: String
        var cgroup = SurroundingsTests.service
        var status = SurroundingsTests.shell
        var isContainer = false
        var files: [String: String] = [:]
        /// What each warning contains, in their order.
        var warnings: [String] = []

        var testDescription: String { name }
    }

    private static let main = "/etc/systemd/system/etcd-operator.service"
    private static let kept = "[Service]\nKillMode=process\nOOMPolicy=continue\n"

    private static let cases: [Case] = [
        Case(name: "a session of a user", cgroup: "0::/user.slice/user-0.slice/session-3.scope\n"),
        Case(
            name: "a terminal in the manager of a user",
            cgroup: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-1.scope\n"
        ),
        Case(
            name: "the manager of a user",
            cgroup: "0::/user.slice/user@1000.service/init.scope\n"
        ),
        Case(name: "no systemd", cgroup: "0::/\n"),
        Case(name: "no cgroups", cgroup: ""),
        Case(name: "our own unit", files: [main: kept]),
        Case(
            name: "a unit that says nothing",
            files: [main: "[Service]\nExecStart=/bin/true\n"],
            warnings: ["(KillMode=control-group)", "the operator when one member"]
        ),
        Case(
            name: "a unit for the old hierarchy of cgroups",
            cgroup: "4:memory:/\n1:name=systemd:/system.slice/etcd-operator.service\n",
            files: [main: "[Service]\nKillMode = mixed\nDelegate=yes\n"],
            warnings: ["(KillMode=mixed)"]
        ),
        Case(
            name: "a unit that ends all when memory is short",
            files: [main: "[Service]\nKillMode=process\nOOMPolicy=kill\n"],
            warnings: ["every member and the operator"]
        ),
        Case(
            name: "another section, and a comment",
            files: [main: "[Unit]\nKillMode=process\n[Service]\n#KillMode=process\nDelegate=1\n"],
            warnings: ["(KillMode=control-group)"]
        ),
        Case(
            name: "a drop-in that puts it right",
            files: [
                "/usr/lib/systemd/system/etcd-operator.service": "[Service]\nDelegate=yes\n",
                "\(main).d/10-kill.conf": "[Service]\nKillMode=process\n",
            ]
        ),
        Case(
            name: "a drop-in that takes it back",
            files: [
                main: kept,
                "/run/systemd/system/etcd-operator.service.d/1.conf": "[Service]\nKillMode=\n",
            ],
            warnings: ["(KillMode=control-group)"]
        ),
        Case(
            name: "a file that hides another",
            files: [main: kept, "/lib/systemd/system/etcd-operator.service": "[Service]\n"]
        ),
        Case(
            name: "a transient unit",
            cgroup: "0::/system.slice/run-u7.service\n",
            files: ["/run/systemd/transient/run-u7.service": "[Service]\nOOMPolicy=continue\n"],
            warnings: ["run-u7.service ends the members"]
        ),
        Case(
            name: "an instance of a template",
            cgroup: "0::/system.slice/system-etcd.slice/etcd-operator@a.service\n",
            files: ["/usr/lib/systemd/system/etcd-operator@.service": kept]
        ),
        Case(
            name: "a service of a user",
            cgroup: "0::/user.slice/user@1000.service/app.slice/etcd-operator.service\n",
            files: ["/etc/systemd/user/etcd-operator.service": "[Service]\nOOMPolicy=continue\n"],
            warnings: ["(KillMode=control-group)"]
        ),
        Case(
            name: "a service of a user's own",
            cgroup: "0::/user.slice/user@1000.service/app.slice/etcd-operator.service\n",
            files: [
                "/home/a/.config/systemd/user/etcd-operator.service": kept,
                "/etc/systemd/user/etcd-operator.service": "[Service]\n",
            ]
        ),
        Case(name: "files that are elsewhere", warnings: ["were not found"]),
        Case(
            name: "the main process of a container",
            cgroup: "0::/\n",
            status: "Pid:\t1\nPPid:\t0\n",
            warnings: ["end with this container"]
        ),
        Case(
            name: "below a container's main process",
            cgroup: "0::/\n",
            status: "Pid:\t7\nPPid:\t1\nNSsid:\t1\n",
            isContainer: true,
            warnings: ["end with this container"]
        ),
        Case(
            name: "an orphan in a container",
            cgroup: "0::/\n",
            status: "Pid:\t70\nPPid:\t1\nNSsid:\t4711\t60\n",
            isContainer: true
        ),
        Case(
            name: "beside a container's main process",
            cgroup: "0::/\n",
            status: "Pid:\t70\nPPid:\t60\n",
            isContainer: true
        ),
        Case(
            name: "a child of init",
            cgroup: "0::/\n",
            status: "Pid:\t70\nPPid:\t1\nNSsid:\t1\n"
        ),
    ]

    @Test(arguments: cases)
    func `what would end the members is said, and nothing else`(_ example: Case) {
        let surroundings = Surroundings(
            cgroup: example.cgroup,
            status: example.status,
            isContainer: example.isContainer,
            ownFolders: ["/home/a/.config/systemd/user"],
            files: { folder in
                example.files.keys.filter { $0.hasPrefix(folder + "/") }.sorted()
            },
            text: { example.files[$0] }
        )
        let warnings = surroundings.warnings
        #expect(warnings.count == example.warnings.count, "\(warnings)")
        for (warning, part) in zip(warnings, example.warnings) {
            #expect(warning.contains(part))
        }
    }

    private static let unit = "\(repositoryRoot())/Manifests/systemd/etcd-operator.service"

    @Test func `the unit that ships keeps members`() throws {
        let text = String(decoding: try readFile(Self.unit), as: UTF8.self)
        let surroundings = Surroundings(
            cgroup: Self.service,
            status: Self.shell,
            isContainer: false,
            ownFolders: [],
            files: { _ in [] },
            text: { $0 == Self.main ? text : nil }
        )
        #expect(surroundings.warnings.isEmpty)
        // What is renewed with the unit would be taken from members that live on.
        let settings = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined()
        for setting in ["PrivateTmp", "RuntimeDirectory", "DynamicUser", "ProtectProc"] {
            #expect(!settings.contains(setting))
        }
        #expect(settings.contains("LimitNOFILE=") && settings.contains("Restart=always"))
    }

    @Test(.enabled(if: installed("systemd-analyze") != nil))
    func `systemd takes the unit that ships`() async throws {
        let analyze = try #require(installed("systemd-analyze"))
        let folder = try TemporaryDirectory("etcd-operator-unit")
        defer { folder.remove() }
        // It looks whether there is a program, and where it will be there is none yet.
        let text = String(decoding: try readFile(Self.unit), as: UTF8.self)
            .replacing("/usr/local/bin/etcd-operator", with: "/bin/true")
        let path = "\(folder.path)/etcd-operator.service"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let outcome = try await Program.run(analyze, ["verify", "--man=no", path])
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    }
}
