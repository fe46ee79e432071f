import EtcdProto
import Foundation
import Keyspace
import Member

/// What clients did and saw, and whether a single register per key could have behaved so.
///
/// Revisions make the check simple: they order all writes. An operation that begins after another
/// has ended must see a revision at least as high, and a write a higher one.
final class History {
    private(set) var acknowledged: [(key: String, value: String, revision: Int64)] = []
    private(set) var readCount = 0
    private(set) var failures: [EtcdError] = []
    /// Operations begun and not answered.
    private(set) var pending = 0
    /// The highest revision that any client has seen.
    private var seen: Int64 = 0
    private var clock = 0

    /// Begins an operation; what it gives has to be given back at its end.
    func begin() -> Int64 {
        pending += 1
        return seen
    }

    func wrote(_ key: String, _ value: String, at revision: Int64, begunAt floor: Int64) -> String?
    {
        pending -= 1
        acknowledged.append((key, value, revision))
        seen = max(seen, revision)
        return revision > floor
            ? nil : "write of \(key) got revision \(revision), after \(floor) was seen"
    }

    func read(at revision: Int64, begunAt floor: Int64) -> String? {
        pending -= 1
        readCount += 1
        seen = max(seen, revision)
        return revision >= floor
            ? nil : "stale read: at revision \(revision), after \(floor) was seen"
    }

    func failed(_ error: EtcdError) {
        pending -= 1
        failures.append(error)
    }

    /// The member is gone, and with it the answers of this many operations.
    func forget(_ count: Int) {
        pending -= count
    }

    /// Every acknowledged write must be found at its revision.
    func checkAcknowledged(in member: Member) -> [String] {
        acknowledged.compactMap { write in
            var request = RangeRequest()
            request.key = Data(write.key.utf8)
            request.revision = write.revision
            let found = (try? member.keyspace.range(request))?.kvs.first
            if let found, found.modRevision == write.revision,
                found.value == Data(write.value.utf8)
            {
                return nil
            }
            return "\(member.configuration.name) lost \(write.key) of revision \(write.revision)"
        }
    }
}
