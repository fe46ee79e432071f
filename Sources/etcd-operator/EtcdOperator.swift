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
              etcd-operator exec quickstart -- etcdctl member list
              etcd-operator plan quickstart
              etcd-operator logs quickstart --follow
              etcd-operator down quickstart

            EXIT CODES
              0 ok, 1 failed, 2 wrong usage, 3 not found, 4 refused as unsafe

            COMPLETION
              etcd-operator --generate-completion-script bash > /etc/bash_completion.d/etcd-operator
              (also zsh and fish; it completes the names of clusters and members too)
            """,
        version: Version.current,
        subcommands: [
            Run.self, Validate.self, Get.self, Describe.self, Plan.self, Events.self, Journal.self,
            Logs.self, Endpoints.self, Exec.self, Scale.self, Down.self, Up.self, Delete.self,
            Explain.self, Crd.self, Version.self,
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
