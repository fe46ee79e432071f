package import EtcdProto
internal import FoundationEssentials

extension Keyspace {
    /// Reads a range at the current or an older revision. Of the header only the revision is set.
    package func range(_ request: RangeRequest) throws(EtcdError) -> RangeResponse {
        try rows(request).response
    }

    /// The same with records as they are stored, for who encodes the response himself. It reads
    /// everything at once: see `RangeWalk` for how to do that in steps.
    package func rows(_ request: RangeRequest) throws(EtcdError) -> RangeRows {
        try rows(request, current: revision)
    }

    /// - Parameter current: The revision to take as the newest; within a transaction that has
    ///   changed something, the one that it makes.
    func rows(_ request: RangeRequest, current: Int64) throws(EtcdError) -> RangeRows {
        guard !request.rangeEnd.isEmpty || request.countOnly else {
            return try single(request, current: current)
        }
        var walk = try RangeWalk(request, self, current: current)
        guard let rows = try walk.step(self, keys: .max) else {
            fatalError("keys are left after all were looked at")
        }
        return rows
    }

    private func single(_ request: RangeRequest, current: Int64) throws(EtcdError) -> RangeRows {
        guard request.revision <= current else { throw .futureRev }
        let revision = request.revision > 0 ? request.revision : current
        guard revision >= compactRevision else { throw .compacted }
        guard let version = index.revision(of: request.key.span, at: revision) else {
            return RangeRows(revision: current, count: 0)
        }
        var rows = RangeRows(revision: current, count: 1)
        rows.take([record(version)], for: request)
        return rows
    }

    /// The changes of a key since a revision that are not compacted; of each revision the last.
    package func changes(of key: [UInt8], since revision: Int64) -> [RecordKey] {
        index.history(key.span)?.since(revision) ?? []
    }
}
