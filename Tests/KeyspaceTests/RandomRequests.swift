import EtcdProto
import Foundation
import TestKit

/// Draws requests over a set of keys, with every option, right and wrong.
struct RandomRequests {
    var random: Generator
    let keys: [Data]
    /// The keyspace's revision and compacted revision, near which revisions are drawn.
    var revision: Int64 = 1
    var compacted: Int64 = -1

    init(_ random: Generator, keyCount: Int) {
        var random = random
        keys = (0..<keyCount).map { number in
            let prefix = ["", "a", "registry/pods/", "\u{0}", "ÿ"][random.below(5)]
            return bytes(prefix + String(number * 7919 % 1000, radix: 36))
        }
        self.random = random
    }

    mutating func key() -> Data { random.pick(keys) }

    private mutating func rangeEnd(_ key: Data) -> Data {
        switch random.below(6) {
        case 0, 1, 2: Data()
        case 3: Data([0])
        case 4: random.pick(keys)
        default: key + Data([0xFF])
        }
    }

    private mutating func someRevision() -> Int64 {
        switch random.below(8) {
        case 0, 1, 2: 0
        case 3: revision
        case 4: revision + Int64(random.below(2))
        case 5: compacted + Int64(random.below(2))
        default: max(compacted, 1) + Int64(random.below(Int(max(1, revision - max(compacted, 1)))))
        }
    }

    mutating func put(mayIgnore: Bool = true) -> PutRequest {
        var request = PutRequest()
        request.key = key()
        request.value = bytes(random.bytes(random.below(12)))
        request.prevKv = random.chance(0.3)
        request.ignoreValue = mayIgnore && random.chance(0.15)
        request.ignoreLease = mayIgnore && random.chance(0.15)
        request.lease = random.chance(0.2) ? Int64(random.below(4)) : 0
        return request
    }

    mutating func delete() -> DeleteRangeRequest {
        var request = DeleteRangeRequest()
        request.key = key()
        request.rangeEnd = random.chance(0.6) ? Data() : rangeEnd(request.key)
        request.prevKv = random.chance(0.3)
        return request
    }

    mutating func range() -> RangeRequest {
        var request = RangeRequest()
        request.key = random.chance(0.2) ? Data([0]) : key()
        request.rangeEnd = rangeEnd(request.key)
        request.revision = someRevision()
        if random.chance(0.5) { request.limit = Int64(random.below(12)) }
        request.keysOnly = random.chance(0.2)
        request.countOnly = random.chance(0.2)
        if random.chance(0.4) {
            request.sortOrder = random.pick([.none, .ascend, .descend])
            request.sortTarget = random.pick([.key, .version, .create, .mod, .value])
        }
        if random.chance(0.15) { request.minModRevision = someRevision() }
        if random.chance(0.15) { request.maxModRevision = someRevision() }
        if random.chance(0.15) { request.minCreateRevision = someRevision() }
        if random.chance(0.15) { request.maxCreateRevision = someRevision() }
        return request
    }

    mutating func compare() -> Compare {
        var compare = Compare()
        compare.key = key()
        compare.rangeEnd = rangeEnd(compare.key)
        compare.result = random.pick([.equal, .greater, .less, .notEqual])
        compare.target = random.pick([.version, .create, .mod, .value, .lease])
        switch random.below(6) {
        case 0: compare.version = Int64(random.below(3))
        case 1: compare.createRevision = someRevision()
        case 2: compare.modRevision = someRevision()
        case 3: compare.value = bytes(random.bytes(random.below(3)))
        case 4: compare.lease = Int64(random.below(4))
        default: break
        }
        return compare
    }

    /// A transaction that fails in the middle if the key that it puts last exists before: what
    /// was checked then is deleted by the time it runs.
    private mutating func failingTxn() -> TxnRequest {
        var request = TxnRequest()
        var doomed = RequestOp()
        doomed.requestDeleteRange.key = random.chance(0.5) ? Data([0]) : key()
        doomed.requestDeleteRange.rangeEnd = Data([0])
        request.success = [doomed]
        for _ in 0..<random.below(4) {
            var put = RequestOp()
            put.requestPut = self.put(mayIgnore: false)
            put.requestPut.lease = 0
            request.success.append(put)
        }
        var last = RequestOp()
        last.requestPut.key = key()
        last.requestPut.ignoreValue = true
        request.success.append(last)
        return request
    }

    mutating func txn(depth: Int = 0) -> TxnRequest {
        if depth == 0, random.chance(0.15) { return failingTxn() }
        var request = TxnRequest()
        request.compare = (0..<random.below(3)).map { _ in compare() }
        request.success = (0..<random.below(5)).map { _ in operation(depth) }
        request.failure = (0..<random.below(5)).map { _ in operation(depth) }
        return request
    }

    private mutating func operation(_ depth: Int) -> RequestOp {
        var operation = RequestOp()
        switch random.below(depth < 2 ? 10 : 8) {
        case 0, 1, 2, 3: operation.requestPut = put()
        case 4, 5: operation.requestRange = range()
        case 6, 7: operation.requestDeleteRange = delete()
        default: operation.requestTxn = txn(depth: depth + 1)
        }
        return operation
    }
}
