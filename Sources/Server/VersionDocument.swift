package import Member

/// What `/version` answers on both ports: `{"etcdserver":"3.5.0","etcdcluster":"3.5.0"}`.
package enum VersionDocument {
    package static func text(_ announced: AnnouncedVersion, _ membership: Membership) -> String {
        let cluster = membership.clusterVersion?.description ?? "not_decided"
        return "{\"etcdserver\":\"\(announced.client)\",\"etcdcluster\":\"\(cluster)\"}"
    }

    /// The `etcdserver` of a peer's answer.
    package static func serverVersion(in body: [UInt8]) -> ServerVersion? {
        JSONText.plainString("etcdserver", in: String(decoding: body, as: UTF8.self))
            .flatMap { ServerVersion($0) }
    }
}
