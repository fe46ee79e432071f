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
        try await selection.forEach(in: directory) { name in
            try await ControlClient(directory, waiting: Terminal.tellWaiting).up(name)
            let isRun = OperatorPresence(directory).processID != nil
            let who = isRun ? "the operator starts" : "no operator runs; the next one starts"
            print("\(name.argument) may run: \(who) its members")
        }
    }
}
