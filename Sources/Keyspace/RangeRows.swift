package import EtcdProto

/// The answer of a range, with records as they are stored.
package struct RangeRows: Sendable {
    /// The keyspace's revision at the time, whatever revision was read.
    package let revision: Int64
    /// All keys of the range, whatever limit and filters.
    package let count: Int64
    package private(set) var more = false
    package private(set) var records: [Record] = []

    init(revision: Int64, count: Int) {
        self.revision = revision
        self.count = Int64(count)
    }

    package var response: RangeResponse {
        var response = RangeResponse()
        response.header.revision = revision
        response.kvs = records.map(\.keyValue)
        response.more = more
        response.count = count
        return response
    }

    /// Takes the records found, in key order, through filters, order, limit and keys_only.
    mutating func take(_ found: [Record], for request: RangeRequest) {
        records = found
        filter(request)
        sort(request)
        if request.limit > 0, records.count > request.limit {
            records = Array(records.prefix(Int(request.limit)))
            more = true
        }
        if request.keysOnly { records = records.map(\.withoutValue) }
    }

    private mutating func filter(_ request: RangeRequest) {
        guard request.filtersRevisions else { return }
        records.removeAll { record in
            RangeRows.isOutside(record.modRevision, request.minModRevision, request.maxModRevision)
                || RangeRows.isOutside(
                    record.createRevision,
                    request.minCreateRevision,
                    request.maxCreateRevision
                )
        }
    }

    /// Zero is no bound.
    private static func isOutside(_ revision: Int64, _ least: Int64, _ most: Int64) -> Bool {
        (most != 0 && revision > most) || (least != 0 && revision < least)
    }

    private mutating func sort(_ request: RangeRequest) {
        let isDescending: Bool
        switch (request.sortOrder, request.sortTarget) {
        case (.none, .key), (.ascend, .key): return
        case (.descend, .key):
            records.reverse()
            return
        // Another target than the key is ascending when nothing is said.
        case (.none, _), (.ascend, _): isDescending = false
        case (.descend, _): isDescending = true
        // An order that no version knows leaves them as they are.
        case (.UNRECOGNIZED, _): return
        }
        switch request.sortTarget {
        case .version: sort(isDescending) { $0.version < $1.version }
        case .create: sort(isDescending) { $0.createRevision < $1.createRevision }
        case .mod: sort(isDescending) { $0.modRevision < $1.modRevision }
        case .value: sort(isDescending) { $0.value.precedes($1.value) }
        case .key, .UNRECOGNIZED: return
        }
    }

    /// Sorts; equal records stay in key order, in both directions.
    private mutating func sort(_ isDescending: Bool, by precedes: (Record, Record) -> Bool) {
        let order = records.indices.sorted { left, right in
            let (first, second) = isDescending ? (right, left) : (left, right)
            if precedes(records[first], records[second]) { return true }
            if precedes(records[second], records[first]) { return false }
            return left < right
        }
        records = order.map { records[$0] }
    }
}

extension RangeRequest {
    var filtersRevisions: Bool {
        minModRevision != 0 || maxModRevision != 0
            || minCreateRevision != 0 || maxCreateRevision != 0
    }

    /// How many keys, in key order, suffice for the answer. One more than the limit, to tell
    /// whether there are more; all, if filters or an order come first. (A target without an order
    /// sorts only what the limit left, as etcd does.)
    var fetchLimit: Int {
        guard limit > 0, limit < Int64.max, sortOrder == .none || sortsByKeyAscending,
            !filtersRevisions
        else { return .max }
        return Int(limit) + 1
    }

    private var sortsByKeyAscending: Bool { sortTarget == .key && sortOrder == .ascend }
}
