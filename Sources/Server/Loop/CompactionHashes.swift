import Keyspace
import Logging
import Member

/// The checksums of the last compactions, to be compared with other members'.
struct CompactionHashes {
    /// In order of revisions; as many as etcd keeps.
    private(set) var all: [KeyspaceHash] = []
    var isUnderWay = false
    private static let most = 10

    subscript(revision: Int64) -> KeyspaceHash? {
        all.first { $0.hashedRevision == revision }
    }

    mutating func add(_ hash: KeyspaceHash) {
        all.append(hash)
        all.sort { $0.hashedRevision < $1.hashedRevision }
        if all.count > Self.most { all.removeFirst() }
    }
}

extension MemberLoop {
    /// Begins the checksum of a compaction that has been ordered: its rows wait for that.
    func hashCompaction() {
        let keyspace = member.keyspace
        guard !compactionHashes.isUnderWay, let due = keyspace.compactionToHash else { return }
        let hash = HashInSlices(HashWalk(compaction: due), keyspace)
        compactionHashes.isUnderWay = views.take { self.perform { self.goOn(hash) } }
    }

    private func goOn(_ hash: HashInSlices) {
        func end() {
            compactionHashes.isUnderWay = false
            views.release()
        }
        // A snapshot has taken the place of the keyspace.
        guard hash.keyspace === member.keyspace else { return end() }
        let job: HashJob?
        do throws(EtcdError) {
            job = try hash.walk.step(hash.keyspace, keys: Self.keysPerSlice)
        } catch {
            fatalError("the revision of a compaction that is ordered cannot be read: \(error)")
        }
        guard let job else { return perform { self.goOn(hash) } }
        readView({ view throws(BackendError) in try job.run(on: view) }) { result in
            end()
            guard case .success(let hash) = result else { return }
            self.compactionHashes.add(hash)
            self.logger.info(
                "made the checksum of a compaction",
                metadata: [
                    "revision": "\(hash.hashedRevision)", "hash": "\(hash.hash)",
                    "compacted before": "\(hash.compactRevision)",
                ]
            )
            self.wake()
        }
        // The view is open: now rows may go.
        hash.keyspace.compactionHashBegan()
        wake()
    }
}
