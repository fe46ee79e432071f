import ArgumentParser
import ClusterAPI

struct Crd: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what makes a Kubernetes API server know EtcdCluster.",
        discussion: """
            A CustomResourceDefinition, made from the same table as `validate` and \
            `explain`, for Kubernetes 1.29 and later.

            EXAMPLES
              etcd-operator crd | kubectl apply --server-side -f -
              etcd-operator crd -o json | jq .spec.versions[0].schema
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case yaml, json
    }

    @Option(name: [.customShort("o"), .customLong("output")], help: "How to print it.")
    var format = Format.yaml

    func run() {
        let tree = CustomResourceDefinition().tree
        switch format {
        case .yaml: Terminal.standardOutput.write(tree.yaml)
        case .json: Terminal.standardOutput.write(tree.json + "\n")
        }
    }
}
