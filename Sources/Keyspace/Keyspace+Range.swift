package import EtcdProto
internal import FoundationEssentials

extension Keyspace {
    /// Reads a range at the current or an older revision. Of the header only the revision is set.
    package func range(_ request: RangeRequest) throws(EtcdError) -> RangeResponse {
        try rows(request).response
    }

    /// The same with records as they are stored, for who encodes the response himself.
    package func rows(_ request: RangeRequest) throws(EtcdError) -> RangeRows {
        try rows(request, current: revision)
    }

    /// - Parameter current: The revision to take as the newest; within a transaction that has
    ///   changed something, the one that it makes.
    func rows(_ request: RangeRequest, current: Int64) throws(EtcdError) -> RangeRows {
        guard request.revision <= current else { throw .futureRev }
        let revision = request.revision > 0 ? request.revision : current
        guard revision >= compactRevision else { throw .compacted }
        guard !request.rangeEnd.isEmpty || request.countOnly else {
            return single(request, at: revision, current: current)
        }
        let range = KeyRange(key: request.key, rangeEnd: request.rangeEnd)
        let count =
            revision == current ? index.liveCount(range) : index.count(range, at: revision)
        var rows = RangeRows(revision: current, count: count)
        guard !request.countOnly, count > 0 else { return rows }
        let versions = index.versions(range, at: revision, limit: request.fetchLimit)
        rows.take(versions.map { record($0.revision) }, for: request)
        return rows
    }

    private func single(_ request: RangeRequest, at revision: Int64, current: Int64) -> RangeRows {
        let key = request.key
        guard let version = index.revision(of: key.span, at: revision) else {
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
