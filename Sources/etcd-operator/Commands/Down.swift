import ArgumentParser
import ClusterAPI
import Operator

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops a cluster's members and keeps their data.",
        discussion: """
            They stay down until `etcd-operator up`, whatever their spec says. With no operator \
            running it does the work itself.

            EXAMPLES
              etcd-operator down quickstart
              etcd-operator down --all -n shop
              etcd-operator down --all --all-namespaces
            """
    )

    @OptionGroup var selection: ClusterSelection
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        try await selection.forEach(in: directory) { name in
            try await ControlClient(directory, waiting: Terminal.tellWaiting).down(name)
            print("\(name.argument) is down; its data stays")
        }
    }
}
