import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf

/// The simplest keyspace that can be right: all rows in an array, searched from end to end.
struct Model {
    struct Row {
        let main: Int64
        let sub: Int64
        let isTombstone: Bool
        let keyValue: KeyValue
    }

    private(set) var rows: [Row] = []
    private(set) var revision: Int64 = 1
    private(set) var compacted: Int64 = -1
    private(set) var leases: [Int64: ModelLease] = [:]

    /// The versions valid at a revision, by key.
    private func state(at revision: Int64) -> [Data: KeyValue] {
        var state: [Data: KeyValue] = [:]
        for row in rows where row.main <= revision {
            state[row.keyValue.key] = row.isTombstone ? nil : row.keyValue
        }
        return state
    }

    private func find(_ key: Data, _ end: Data, at revision: Int64) -> [KeyValue] {
        state(at: revision).values.filter { pair in
            if end.isEmpty { return pair.key == key }
            return !precedes(pair.key, key) && (end == Data([0]) || precedes(pair.key, end))
        }.sorted { precedes($0.key, $1.key) }
    }

    private func precedes(_ left: Data, _ right: Data) -> Bool {
        left.lexicographicallyPrecedes(right)
    }

    /// The revision of the entry that is being applied, or the last.
    private var current: Int64 { max(revision, rows.last?.main ?? 0) }

    private mutating func add(_ keyValue: KeyValue, isTombstone: Bool) {
        let main = revision + 1
        let sub = rows.last?.main == main ? (rows.last?.sub ?? 0) + 1 : 0
        rows.append(Row(main: main, sub: sub, isTombstone: isTombstone, keyValue: keyValue))
    }

    // MARK: Commands

    /// Runs a command; after an error everything is as before.
    mutating func apply<Response>(
        _ command: (inout Model) throws(EtcdError) -> Response
    ) throws(EtcdError) -> Response {
        var next = self
        let response = try command(&next)
        next.revision = next.current
        self = next
        return response
    }

    mutating func put(_ request: PutRequest) throws(EtcdError) -> PutResponse {
        let previous = find(request.key, Data(), at: current).first
        guard request.lease == 0 || leases[request.lease] != nil else { throw .leaseNotFound }
        if previous == nil, request.ignoreValue || request.ignoreLease { throw .keyNotFound }
        var pair = KeyValue()
        pair.key = request.key
        pair.createRevision = previous?.createRevision ?? revision + 1
        pair.modRevision = revision + 1
        pair.version = (previous?.version ?? 0) + 1
        pair.value = request.ignoreValue ? previous?.value ?? Data() : request.value
        pair.lease = request.ignoreLease ? previous?.lease ?? 0 : request.lease
        add(pair, isTombstone: false)
        var response = PutResponse()
        response.header.revision = revision + 1
        if request.prevKv, let previous { response.prevKv = previous }
        return response
    }

    mutating func delete(_ request: DeleteRangeRequest) -> DeleteRangeResponse {
        let found = find(request.key, request.rangeEnd, at: current)
        for pair in found { add(.with { $0.key = pair.key }, isTombstone: true) }
        var response = DeleteRangeResponse()
        response.deleted = Int64(found.count)
        response.prevKvs = request.prevKv ? found : []
        response.header.revision = current
        return response
    }

    func range(_ request: RangeRequest) throws(EtcdError) -> RangeResponse {
        guard request.revision <= current else { throw .futureRev }
        let revision = request.revision > 0 ? request.revision : current
        guard revision >= compacted else { throw .compacted }
        var found = find(request.key, request.rangeEnd, at: revision)
        var response = RangeResponse()
        response.header.revision = current
        response.count = Int64(found.count)
        guard !request.countOnly else { return response }
        found = found.filter { request.admits($0) }
        if request.sortOrder == .none, request.sortTarget != .key, request.limit > 0,
            !request.hasFilter
        {
            // What etcd does: it fetches one more than the limit and sorts only that.
            found = Array(found.prefix(Int(request.limit) + 1))
        }
        found = request.sorted(found)
        if request.limit > 0, found.count > request.limit {
            found = Array(found.prefix(Int(request.limit)))
            response.more = true
        }
        response.kvs =
            request.keysOnly
            ? found.map { pair in pair.with { $0.value = Data() } } : found
        return response
    }

    mutating func txn(_ request: TxnRequest) throws(EtcdError) -> TxnResponse {
        let before = self
        try check(request, before)
        var response = try run(request, before)
        response.header.revision = current
        return response
    }

    private func branch(_ request: TxnRequest, _ before: Model) -> (Bool, [RequestOp]) {
        let succeeded = request.compare.allSatisfy { before.holds($0) }
        return (succeeded, succeeded ? request.success : request.failure)
    }

    private func check(_ request: TxnRequest, _ before: Model) throws(EtcdError) {
        for operation in branch(request, before).1 {
            switch operation.request {
            case .requestRange(let range):
                if range.revision > revision { throw .futureRev }
                if range.revision != 0, range.revision < compacted { throw .compacted }
            case .requestPut(let put):
                if put.ignoreValue || put.ignoreLease, find(put.key, Data(), at: revision).isEmpty {
                    throw .keyNotFound
                }
                guard put.lease == 0 || leases[put.lease] != nil else { throw .leaseNotFound }
            case .requestTxn(let nested): try check(nested, before)
            default: break
            }
        }
    }

    private mutating func run(
        _ request: TxnRequest,
        _ before: Model
    ) throws(EtcdError) -> TxnResponse {
        var response = TxnResponse()
        response.header = ResponseHeader()
        let (succeeded, operations) = branch(request, before)
        response.succeeded = succeeded
        for operation in operations {
            var answer = ResponseOp()
            switch operation.request {
            case .requestRange(let range): answer.responseRange = try self.range(range)
            case .requestPut(let put): answer.responsePut = try self.put(put)
            case .requestDeleteRange(let deletion): answer.responseDeleteRange = delete(deletion)
            case .requestTxn(let nested): answer.responseTxn = try run(nested, before)
            case nil: break
            }
            response.responses.append(answer)
        }
        return response
    }

    private func holds(_ compare: Compare) -> Bool {
        let found = find(compare.key, compare.rangeEnd, at: revision)
        if found.isEmpty { return compare.target != .value && compare.holds(KeyValue()) }
        return found.allSatisfy { compare.holds($0) }
    }

    // MARK: Leases

    mutating func grant(_ id: Int64, ttl: Int64) throws(EtcdError) -> LeaseGrantResponse {
        if id == 0 { throw .leaseNotFound }
        if ttl > 9_000_000_000 { throw .leaseTTLTooLarge }
        if leases[id] != nil { throw .leaseExist }
        leases[id] = ModelLease(ttl: max(2, ttl))
        var response = LeaseGrantResponse()
        response.header.revision = revision
        response.id = id
        response.ttl = max(2, ttl)
        return response
    }

    mutating func revoke(_ id: Int64) throws(EtcdError) -> LeaseRevokeResponse {
        guard leases.removeValue(forKey: id) != nil else { throw .leaseNotFound }
        for key in keys(of: id) { add(.with { $0.key = key }, isTombstone: true) }
        var response = LeaseRevokeResponse()
        response.header.revision = current
        return response
    }

    mutating func checkpoint(_ id: Int64, remaining: Int64) {
        leases[id]?.remaining = remaining
    }

    /// The keys that go with a lease, in order: those whose record says so.
    func keys(of id: Int64) -> [Data] {
        state(at: current).values.filter { $0.lease == id }.map(\.key).sorted(by: precedes)
    }

    mutating func compact(_ revision: Int64) throws(EtcdError) {
        guard revision > compacted else { throw .compacted }
        guard revision <= self.revision else { throw .futureRev }
        compacted = revision
    }

    // MARK: Checksum

    /// The checksum as if all compacted rows were deleted.
    func hash(at revision: Int64) -> UInt32 {
        let valid = state(at: revision)
        let surviving = state(at: compacted)
        var crc: UInt32 = 0xFFFF_FFFF
        func add(_ bytes: [UInt8]) {
            for byte in bytes {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            }
        }
        add(Array("key".utf8))
        for row in rows where row.main <= revision {
            let pair = row.keyValue
            if row.main <= compacted {
                let kept = valid.isEmpty ? surviving[pair.key] : valid[pair.key]
                if row.isTombstone || kept != pair { continue }
            }
            let key = [row.main, row.sub].map { number in
                (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * Int64($0))) }
            }
            add(key[0] + Array("_".utf8) + key[1] + (row.isTombstone ? Array("t".utf8) : []))
            add((try? pair.serializedBytes()) ?? [])
        }
        return ~crc
    }
}

struct ModelLease: Equatable {
    var ttl: Int64
    var remaining: Int64 = 0
}

extension Message {
    func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

extension RangeRequest {
    var hasFilter: Bool {
        minModRevision != 0 || maxModRevision != 0
            || minCreateRevision != 0 || maxCreateRevision != 0
    }

    func admits(_ pair: KeyValue) -> Bool {
        (minModRevision == 0 || pair.modRevision >= minModRevision)
            && (maxModRevision == 0 || pair.modRevision <= maxModRevision)
            && (minCreateRevision == 0 || pair.createRevision >= minCreateRevision)
            && (maxCreateRevision == 0 || pair.createRevision <= maxCreateRevision)
    }

    /// Sorts by insertion, so that equal pairs stay in the order of their keys.
    func sorted(_ pairs: [KeyValue]) -> [KeyValue] {
        var result: [KeyValue] = []
        for pair in pairs {
            let position = result.firstIndex { isOrdered(pair, before: $0) } ?? result.count
            result.insert(pair, at: position)
        }
        return result
    }

    private func isOrdered(_ left: KeyValue, before right: KeyValue) -> Bool {
        let (left, right) = sortOrder == .descend ? (right, left) : (left, right)
        switch sortTarget {
        case .key: return left.key.lexicographicallyPrecedes(right.key)
        case .version: return left.version < right.version
        case .create: return left.createRevision < right.createRevision
        case .mod: return left.modRevision < right.modRevision
        case .value: return left.value.lexicographicallyPrecedes(right.value)
        case .UNRECOGNIZED: return false
        }
    }
}

extension Compare {
    func holds(_ pair: KeyValue) -> Bool {
        let (isEqual, isGreater): (Bool, Bool)
        switch target {
        case .version: (isEqual, isGreater) = (pair.version == version, pair.version > version)
        case .create:
            (isEqual, isGreater) = (
                pair.createRevision == createRevision, pair.createRevision > createRevision
            )
        case .mod:
            (isEqual, isGreater) = (
                pair.modRevision == modRevision, pair.modRevision > modRevision
            )
        case .lease: (isEqual, isGreater) = (pair.lease == lease, pair.lease > lease)
        case .value:
            (isEqual, isGreater) = (
                pair.value == value, value.lexicographicallyPrecedes(pair.value)
            )
        case .UNRECOGNIZED: (isEqual, isGreater) = (true, false)
        }
        switch result {
        case .equal: return isEqual
        case .notEqual: return !isEqual
        case .greater: return isGreater
        case .less: return !isEqual && !isGreater
        case .UNRECOGNIZED: return true
        }
    }
}
