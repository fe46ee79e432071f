import ArgumentParser
import ClusterAPI

/// A kind of resource as users name it: `etcdclusters`, `etcdcluster` or `ec`.
enum ResourceKind: ExpressibleByArgument {
    case etcdCluster

    private static let names =
        [EtcdCluster.plural, EtcdCluster.singular] + EtcdCluster.shortNames

    init?(_ name: String) {
        guard ResourceKind.names.contains(name.lowercased()) else { return nil }
        self = .etcdCluster
    }

    init?(argument: String) {
        self.init(argument)
    }

    /// The cluster that `NAME`, `KIND NAME` or `KIND/NAME` means.
    static func name(in words: [String]) throws -> String {
        let parts =
            words.count == 1
            ? words[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            : words
        switch parts.count {
        case 1 where !parts[0].isEmpty: return parts[0]
        case 2 where !parts[1].isEmpty:
            guard ResourceKind(parts[0]) == nil else { return parts[1] }
            let hint = Suggestion.hint(for: parts[0], among: names)
            throw ValidationError("there is no kind \"\(parts[0])\", only etcdclusters (ec)\(hint)")
        default: throw ValidationError("expected one NAME, etcdcluster NAME or etcdcluster/NAME")
        }
    }

    static var allValueStrings: [String] { names }
}

/// The resources a command is about: `etcdcluster NAME`, `etcdcluster/NAME`, or only a kind.
struct ResourceArguments: ParsableArguments {
    @Argument(help: "etcdclusters (or etcdcluster, ec), also as KIND/NAME.")
    var kind: String

    @Argument(help: "The name of one cluster.", completion: .clusterNames)
    var name: String?

    func validate() throws {
        let parts = kind.split(separator: "/", omittingEmptySubsequences: false)
        guard ResourceKind(String(parts[0])) != nil else {
            let hint = Suggestion.hint(for: String(parts[0]), among: ResourceKind.allValueStrings)
            throw ValidationError("there is no kind \"\(parts[0])\", only etcdclusters (ec)\(hint)")
        }
        guard parts.count <= 2, parts.count == 1 || name == nil, parts.last != "" else {
            throw ValidationError("expected etcdcluster NAME or etcdcluster/NAME")
        }
    }

    /// The name, however it was written; nil for all of the kind.
    var wanted: String? {
        name ?? kind.split(separator: "/").dropFirst().first.map(String.init)
    }
}
