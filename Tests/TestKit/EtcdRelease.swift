import Testing

/// A release of real etcd that `.ci/setup clients` installs.
package enum EtcdRelease: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// Debian's, in `PATH`.
    case v3_4 = "3.4.23"
    /// PyPI's, below `.build`.
    case v3_5 = "3.5.1"

    package var testDescription: String { "etcd \(rawValue)" }

    /// The path of `etcd`, `etcdctl` or `etcdutl`; nil where it is missing. The environment
    /// variables `ETCD_3_4` and `ETCD_3_5` name other folders to look in.
    package func program(_ name: String) -> String? {
        switch self {
        case .v3_4:
            if let folder = environment("ETCD_3_4") { return executable("\(folder)/\(name)") }
            return installed(name)
        case .v3_5:
            let folder = environment("ETCD_3_5") ?? "\(PythonClients.folder)/etcd-3.5"
            return executable("\(folder)/\(name)")
        }
    }

    /// The path of one of its programs; where it is missing the test case that calls ends.
    package func tool(_ name: String) throws -> String {
        let path = program(name)
        try require("\(name) of etcd \(rawValue)", isThere: path != nil)
        return path ?? name
    }

    package var isInstalled: Bool { program("etcd") != nil && program("etcdctl") != nil }
}

/// The Python environment with etcd's client libraries that `.ci/setup clients` makes. The
/// environment variable `ETCD_VENV` names another one.
package enum PythonClients {
    package static let folder = environment("ETCD_VENV") ?? "\(repositoryRoot())/.build/etcd-venv"

    /// Its interpreter; nil where it is missing.
    package static var python: String? { executable("\(folder)/bin/python") }
}

/// Ends the test case that calls it where `there` is false: as skipped, and with an error where
/// `REQUIRE_ETCD` says that nothing may be missing.
package func require(_ what: String, isThere there: Bool) throws {
    guard !there else { return }
    if environment("REQUIRE_ETCD") != nil {
        Issue.record("\(what) is missing although REQUIRE_ETCD is set")
    }
    try skip("\(what) is not installed (.ci/setup clients)")
}

/// Ends the test case that calls it as skipped, and says so in the output.
package func skip(_ why: String) throws {
    print("SKIPPED: \(why)")
    try Test.cancel("SKIPPED: \(why)")
}
