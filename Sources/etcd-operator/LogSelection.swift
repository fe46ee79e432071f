import ArgumentParser
import ClusterAPI
import Operator

/// Whose logs are meant: `CLUSTER`, `MEMBER`, `CLUSTER/MEMBER` or `etcdcluster/CLUSTER`.
struct LogSelection {
    let cluster: ClusterName
    /// Nil for all members.
    let member: String?

    init(_ text: String, in directory: StateDirectory, _ namespace: NamespaceOptions) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, !parts.contains("") else {
            throw CommandFailure(.usage, "expected CLUSTER, MEMBER or CLUSTER/MEMBER, not \(text)")
        }
        if parts.count == 2 {
            let isKind = ResourceKind(parts[0]) != nil
            cluster = namespace.name(isKind ? parts[1] : parts[0])
            member = isKind ? nil : parts[1]
            let names = try LogSelection.members(of: cluster, in: directory)
            guard let member, !names.contains(member) else {
                if names.isEmpty { throw LogSelection.nothing(cluster, directory) }
                return
            }
            let near = Suggestion.hint(for: member, among: names)
            throw CommandFailure(.notFound, "\(cluster.name) has no member \(member)\(near)")
        }
        let name = namespace.name(text)
        let owners = try directory.clusters().filter { $0.namespace == name.namespace }
            .filter { try LogSelection.members(of: $0, in: directory).contains(text) }
        let isCluster = try directory.clusters().contains(name)
        guard owners.count + (isCluster ? 1 : 0) < 2 else {
            let meanings = owners.map { "\($0.name)/\(text)" } + (isCluster ? ["ec/\(text)"] : [])
            throw CommandFailure(
                .usage,
                "\(text) has more than one meaning",
                remedy: "write " + meanings.joined(separator: " or ")
            )
        }
        guard let owner = owners.first else {
            cluster = isCluster ? name : try LogSelection.search(name, in: directory)
            member = nil
            if try LogSelection.members(of: cluster, in: directory).isEmpty {
                throw LogSelection.nothing(cluster, directory)
            }
            return
        }
        cluster = owner
        member = text
    }

    /// The members whose logs are meant: those that have a directory now.
    func members(in directory: StateDirectory) throws(OperatorError) -> [String] {
        if let member { return [member] }
        return try LogSelection.members(of: cluster, in: directory)
    }

    private static func members(
        of cluster: ClusterName,
        in directory: StateDirectory
    ) throws(OperatorError) -> [String] {
        // By ordinal, which is a number: -10 comes after -9.
        try directory.cluster(cluster).memberNames().sorted {
            ($0.count, $0) < ($1.count, $1)
        }
    }

    private static func nothing(
        _ cluster: ClusterName,
        _ directory: StateDirectory
    ) -> any Error {
        do {
            _ = try directory.resource(cluster)
        } catch {
            return error
        }
        return CommandFailure(
            .notFound,
            "no member of \(cluster.argument) was ever started",
            remedy: "`etcd-operator plan \(cluster.argument)` says why"
        )
    }

    /// Throws, with what is near: there is neither a cluster nor a member of that name.
    private static func search(
        _ name: ClusterName,
        in directory: StateDirectory
    ) throws -> ClusterName {
        let siblings = try directory.clusters().filter { $0.namespace == name.namespace }
        let names = try siblings.flatMap { cluster in
            [cluster.name] + (try members(of: cluster, in: directory))
        }
        let near = Suggestion.hint(for: name.name, among: names)
        throw CommandFailure(
            .notFound,
            "there is no cluster or member \(name.name) in namespace \(name.namespace) of "
                + "\(directory.root)\(near)"
        )
    }
}
