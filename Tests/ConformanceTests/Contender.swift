import TestKit
import Testing

/// Who answers the calls of a scenario. What etcd 3.5.1 answers is what counts.
enum Contender: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case v3_5 = "3.5.1"
    case v3_4 = "3.4.23"
    case ours

    var testDescription: String { self == .ours ? "etcd-member" : "etcd \(rawValue)" }

    /// The path of the server; nil where it is missing.
    var program: String? {
        switch self {
        case .ours: executable("\(builtPrograms())/etcd-member")
        case .v3_5: EtcdRelease.v3_5.program("etcd")
        case .v3_4: EtcdRelease.v3_4.program("etcd")
        }
    }
}
