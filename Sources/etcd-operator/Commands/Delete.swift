import ArgumentParser
import ClusterAPI
import Operator

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops a cluster for good and moves its data to the trash.",
        discussion: """
            The data stays in the state directory's trash/. A cluster that a spec file still \
            declares is refused, since it would come up again, empty: remove it from the file \
            first. Needs a running operator, which alone knows what is declared; where nothing is \
            declared any more, `etcd-operator run` without files is one.

            EXAMPLES
              etcd-operator delete quickstart
              etcd-operator delete etcdcluster orders -n shop
            """
    )

    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String]

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        _ = try ResourceKind.name(in: words)
    }

    func run() async throws {
        let directory = try state.open()
        let name = namespace.name(try ResourceKind.name(in: words))
        _ = try directory.resource(name)
        try await ControlClient(directory, waiting: Terminal.tellWaiting).delete(name)
        print("\(name.argument) is deleted; its data is in \(directory.root)/trash")
    }
}
