import ArgumentParser
import ClusterAPI
import Operator

struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops a cluster's members and keeps their data.",
        discussion: """
            They stay down until `etcd-operator up`, whatever their spec says. With no operator
            running it does the work itself.

            EXAMPLES
              etcd-operator down quickstart
              etcd-operator down --all
            """
    )

    @OptionGroup var selection: ClusterSelection
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        for name in try selection.names(in: directory) {
            try await ControlClient(directory).down(name)
            print("\(name.name) is down; its data stays")
        }
    }
}
