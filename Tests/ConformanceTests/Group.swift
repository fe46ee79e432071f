import TestKit
import Testing

/// The scenarios about one part of the API: the files of a folder of Testdata.
struct Group: Sendable, CustomTestStringConvertible {
    let name: String

    /// What etcd-member does not serve yet, and why: without its line here a group is compared.
    static let unserved: [String: String] = [:]

    static let all = [
        "kv", "watch", "lease", "cluster", "status", "hash", "hashkv", "alarm", "defragment",
        "snapshot", "leader", "downgrade",
    ].map(Group.init(name:))

    var testDescription: String { name }

    func scenarios() throws -> [Scenario] {
        try Script.all(in: name).flatMap(Scenario.all)
    }
}
