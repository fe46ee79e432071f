import ArgumentParser
import ClusterAPI

struct Version: ParsableCommand {
    static let current = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the version of the operator and of its resources.",
        discussion: """
            EXAMPLES
              etcd-operator version
            """
    )

    func run() {
        print("etcd-operator \(Version.current)")
        print("resources     \(EtcdCluster.apiVersion) \(EtcdCluster.kind)")
    }
}
