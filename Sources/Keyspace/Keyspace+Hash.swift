extension Keyspace {
    /// The checksum of all rows up to a revision (0: the current one), by which members compare
    /// themselves; equal to etcd's for equal histories and compactions.
    ///
    /// It covers the word `key`, then key and value of each row in order. Of rows up to the
    /// compacted revision only those count that are the valid version of their key at
    /// `revision`; if no key exists there, those that the compaction leaves. A tombstone of
    /// the compacted revision itself never counts, because older versions delete it. So the
    /// result does not depend on how far the deletion of compacted rows has come.
    ///
    /// It reads everything at once: see `HashWalk` for how to do that without holding others up.
    package func hashKV(at requested: Int64) throws(EtcdError) -> KeyspaceHash {
        var walk = try HashWalk(self, at: requested)
        guard let job = try walk.step(self, keys: .max) else {
            fatalError("keys are left after all were looked at")
        }
        do throws(BackendError) {
            return try job.run { body throws(BackendError) in
                try backend.scan(.key, from: [], body)
            }
        } catch {
            fatalError("cannot read the rows to hash: \(error)")
        }
    }
}
