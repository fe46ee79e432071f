import ArgumentParser

/// The command line. One verb is one file in Commands/; what they print is made in Output/.
@main
struct EtcdOperator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "etcd-operator",
        abstract: "Runs etcd clusters that are declared in YAML.",
        discussion: """
            EXAMPLES
              etcd-operator run Manifests/samples/quickstart.yaml
              etcd-operator get etcdclusters
              etcd-operator describe etcdcluster quickstart
              ETCDCTL_API=3 etcdctl --endpoints=$(etcd-operator endpoints quickstart) member list
              etcd-operator down quickstart

            EXIT CODES
              0 ok, 1 failed, 2 wrong usage, 3 not found, 4 refused as unsafe
            """,
        version: Version.current,
        subcommands: [
            Run.self, Validate.self, Get.self, Describe.self, Events.self, Endpoints.self,
            Down.self, Up.self, Delete.self, Explain.self, Crd.self, Version.self,
        ]
    )

    /// Instead of the library's `main`, for exit codes of our own.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch {
            leave(with: error)
        }
    }
}
