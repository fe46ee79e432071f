import EtcdProto
import FoundationEssentials
import Keyspace

/// No write that was acknowledged is ever lost: what a put wrote is found at its revision, on every
/// member, for as long as that revision is not compacted.
struct AcknowledgedWritesChecker {
    static let name = "acknowledged writes never lost"
    private(set) var writes: [(key: String, value: String, revision: Int64)] = []

    mutating func note(_ key: String, _ value: String, at revision: Int64) {
        writes.append((key, value, revision))
    }

    func check(_ keyspace: Keyspace, of machine: String) -> Violation? {
        for write in writes where write.revision >= keyspace.compactRevision {
            var request = RangeRequest()
            request.key = Data(write.key.utf8)
            request.revision = write.revision
            let found = (try? keyspace.range(request))?.kvs.first
            if let found, found.modRevision == write.revision,
                found.value == Data(write.value.utf8)
            {
                continue
            }
            return Violation(
                Self.name,
                "\(machine) lost \(write.key) = \(write.value) of revision \(write.revision)"
            )
        }
        return nil
    }
}
