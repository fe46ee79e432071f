import ArgumentParser
import ClusterAPI
import Operator

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lets a cluster run again that was taken down.",
        discussion: """
            The operator starts the stored members; with no operator running, the next one does.

            EXAMPLES
              etcd-operator up quickstart
              etcd-operator up --all
            """
    )

    @OptionGroup var selection: ClusterSelection
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        for name in try selection.names(in: directory) {
            try await ControlClient(directory).up(name)
            print("\(name.name) may run")
        }
    }
}
