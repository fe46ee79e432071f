import EtcdProto
import Keyspace
import Logging

extension Member {
    /// Asks for a compaction through the log when it is time and this member leads.
    func compactByItself() {
        guard
            let revision = autoCompaction?.revisionToCompact(
                at: now,
                current: keyspace.revision,
                isLeader: isLeader
            )
        else { return }
        var request = InternalRaftRequest()
        request.compaction.revision = revision
        propose(request) { [weak self] result in
            guard let self else { return }
            var succeeded = true
            if case .failure(let error) = result, error != .compacted {
                succeeded = false
                logger.warning(
                    "automatic compaction failed, and is tried again later",
                    metadata: ["revision": "\(revision)", "why": "\(error)"]
                )
            }
            autoCompaction?.finished(revision, succeeded: succeeded, at: now)
            if succeeded {
                logger.info("compacted automatically", metadata: ["revision": "\(revision)"])
            }
        }
    }
}
