package import Member

/// What `/version` answers on both ports: `{"etcdserver":"3.5.0","etcdcluster":"3.5.0"}`, since 3.6
/// with the schema's version behind it: `,"storage":"3.6.0"`.
package enum VersionDocument {
    package static func text(_ announced: AnnouncedVersion, _ member: Member) -> String {
        let cluster = member.membership.clusterVersion?.description ?? "not_decided"
        var fields = [("etcdserver", announced.client.description), ("etcdcluster", cluster)]
        if announced.client >= .firstWithSchema {
            fields.append(("storage", member.storageVersion?.description ?? "unknown"))
        }
        return "{" + fields.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}"
    }

    /// The `etcdcluster` of a peer's answer; nil as long as there is none.
    package static func clusterVersion(in body: [UInt8]) -> ServerVersion? {
        JSONText.plainString("etcdcluster", in: String(decoding: body, as: UTF8.self))
            .flatMap { ServerVersion($0) }
    }

    /// The `etcdserver` of a peer's answer.
    package static func serverVersion(in body: [UInt8]) -> ServerVersion? {
        JSONText.plainString("etcdserver", in: String(decoding: body, as: UTF8.self))
            .flatMap { ServerVersion($0) }
    }
}
