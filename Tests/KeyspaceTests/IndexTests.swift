import Foundation
import Keyspace
import TestKit
import Testing

/// The key index against sorted keys in an array, with many pages and two levels of branches.
@Suite struct IndexTests {
    /// Keys come as in a Kubernetes cluster: for a while all of one kind and namespace, then of
    /// another, so that pages split between long common prefixes.
    private static let prefixes = ["configmaps", "events", "leases", "pods", "secrets"]
        .flatMap { kind in (0..<8).map { Array("/registry/\(kind)/ns\($0)/".utf8) } }

    @Test(arguments: Seed.batch(3))
    func `keys that come in bursts of prefixes are all found, counted and compacted`(
        seed: Seed
    ) throws {
        var random = seed.generator()
        var index = KeyIndex()
        var model = IndexModel()
        for burst in 0..<100 {
            let prefix = random.pick(Self.prefixes)
            for _ in 0..<50 + random.below(350) {
                let key = prefix + Array(String(random.next() >> 32, radix: 16).utf8)
                change(&index, &model, key, &random)
            }
            if random.chance(0.2) { try compact(&index, &model, &random) }
            try #require(index.fault == nil, "burst \(burst)")
            try compareRanges(index, model, &random)
        }
        #expect(model.keys.count > 10_000)
        try compareHistories(index, model)
        // What remains is taken down to almost nothing: pages become empty and are joined.
        while let key = model.keys.first(where: model.isLive) {
            deleteFrom(key, upTo: 4_000, &index, &model, &random)
            try compact(&index, &model, &random)
            try #require(index.fault == nil)
            try compareRanges(index, model, &random)
        }
        try compareHistories(index, model)
    }

    @Test func `a first page that splits after smaller keys came loses none`() throws {
        var index = KeyIndex()
        var keys = (0..<200).map { "/registry/pods/default/p\($0 + 10_000)" }
        keys += (0..<200).map { "/registry/events/default/e\($0 + 1_000)" }
        keys += (200..<6_000).map { "/registry/pods/default/p\($0 + 10_000)" }
        for (number, key) in keys.enumerated() {
            index.put(Array(key.utf8).span, Revision(main: Int64(number) + 2))
        }
        #expect(index.fault == nil)
        let lost = keys.filter { find(Array($0.utf8), index) == nil }
        #expect(lost.isEmpty, "\(lost.count) of \(keys.count) keys, among them \(lost.prefix(3))")
    }

    @Test func `an index that is empty again takes keys`() {
        var index = KeyIndex()
        let key = Array("only".utf8)
        index.put(key.span, Revision(main: 2))
        index.undo(key.span, version: 0, createRevision: 0)
        #expect(find(key, index) == nil)
        #expect(index.fault == nil)
        index.put(Array("another".utf8).span, Revision(main: 2))
        #expect(index.liveCount == 1)
    }

    @Test func `a history gives the memory of what is compacted back`() {
        var index = KeyIndex()
        let key = Array("often".utf8)
        for revision in 2..<2_000 as Range<Int64> { index.put(key.span, Revision(main: revision)) }
        _ = index.compact(at: 1_990, from: [], limit: 10_000)
        #expect(find(key, index)?.count == 10)
        #expect(index.fault == nil)
    }

    /// Apart from `#expect`, whose macro takes no spans.
    private func find(_ key: [UInt8], _ index: KeyIndex) -> KeyHistory? {
        index.history(key.span)
    }

    // MARK: Changing both

    private func change(
        _ index: inout KeyIndex,
        _ model: inout IndexModel,
        _ key: [UInt8],
        _ random: inout Generator
    ) {
        switch random.below(20) {
        case 0 where random.chance(0.02): deleteFrom(key, upTo: 300, &index, &model, &random)
        case 1: takeBack(&index, &model, key, &random)
        case 2, 3:
            // A change of a key that is there, mostly.
            let known = model.keys.isEmpty ? key : random.pick(model.keys)
            apply(known, isDeletion: random.chance(0.5), &index, &model)
        default: apply(key, isDeletion: false, &index, &model)
        }
    }

    /// One change, in a revision of its own.
    private func apply(
        _ key: [UInt8],
        isDeletion: Bool,
        _ index: inout KeyIndex,
        _ model: inout IndexModel,
        sub: Int64 = 0
    ) {
        if sub == 0 { model.revision += 1 }
        let revision = Revision(main: model.revision, sub: sub)
        if isDeletion {
            let isDeleted = index.delete(key.span, revision)
            #expect(isDeleted == model.isLive(key))
            if isDeleted { model.delete(key, revision) }
        } else {
            model.put(key, revision)
            let history = index.put(key.span, revision)
            #expect(history.version == model.rows[key]?.last?.version)
            #expect(history.createRevision == model.rows[key]?.last?.createRevision)
        }
    }

    /// Deletes some keys from one on.
    private func deleteFrom(
        _ key: [UInt8],
        upTo limit: Int,
        _ index: inout KeyIndex,
        _ model: inout IndexModel,
        _ random: inout Generator
    ) {
        let start = model.position(key)
        let doomed = model.keys[start..<min(start + 1 + random.below(limit), model.keys.count)]
        for key in doomed where model.isLive(key) {
            apply(key, isDeletion: true, &index, &model)
        }
    }

    /// A transaction that changes some keys, one of them perhaps twice, and fails.
    private func takeBack(
        _ index: inout KeyIndex,
        _ model: inout IndexModel,
        _ key: [UInt8],
        _ random: inout Generator
    ) {
        let before = model
        var changed: [[UInt8]] = []
        let known = model.keys.isEmpty ? key : random.pick(model.keys)
        for key in [known, key, known] {
            let isDeletion = model.isLive(key) && random.chance(0.6)
            apply(key, isDeletion: isDeletion, &index, &model, sub: Int64(changed.count) + 1)
            changed.append(key)
        }
        for key in changed.reversed() {
            let last = model.takeBack(key)
            let isLive = last.map { !$0.isTombstone } ?? false
            index.undo(
                key.span,
                version: isLive ? last?.version ?? 0 : 0,
                createRevision: isLive ? last?.createRevision ?? 0 : 0
            )
        }
        #expect(model.keys == before.keys)
    }

    private func compact(
        _ index: inout KeyIndex,
        _ model: inout IndexModel,
        _ random: inout Generator
    ) throws {
        let revision = model.revision - Int64(random.below(40))
        var dead: [RecordKey] = []
        var next: [UInt8]? = []
        while let start = next {
            let slice = index.compact(at: revision, from: start, limit: 1 + random.below(3_000))
            dead += slice.dead
            next = slice.next
        }
        try #require(dead.sorted() == model.compact(at: revision).sorted())
    }

    // MARK: Comparing

    private func compareRanges(
        _ index: KeyIndex,
        _ model: IndexModel,
        _ random: inout Generator
    ) throws {
        try #require(index.liveCount == model.keys.count(where: model.isLive))
        for _ in 0..<4 {
            var from = model.keys.isEmpty ? [] : random.pick(model.keys)
            if random.chance(0.5) { from.append(0) }
            let to = random.chance(0.3) ? [0] : random.pick(Self.prefixes)
            let range = KeyRange(key: Data(from), rangeEnd: Data(to))
            let past = model.revision - Int64(random.below(60))
            let inside = model.keys(from: from, to: to == [0] ? nil : to)
            try #require(index.liveCount(range) == inside.count(where: model.isLive))
            guard past >= model.compacted else { continue }
            let wanted = inside.filter { model.revision(of: $0, at: past) != nil }
            let limit = 1 + random.below(500)
            let found = index.versions(range, at: past, limit: limit)
            try #require(found.map { Array($0.key) } == Array(wanted.prefix(limit)))
            try #require(index.count(range, at: past) == wanted.count)
            for version in found {
                let key = Array(version.key)
                #expect(version.revision == model.revision(of: key, at: past))
            }
        }
    }

    private func compareHistories(_ index: KeyIndex, _ model: IndexModel) throws {
        for key in model.keys {
            let history = try #require(find(key, index), "\(key) is lost")
            let rows = model.rows[key] ?? []
            try #require(history.count == rows.count)
            guard let last = rows.last, !last.isTombstone else { continue }
            #expect(history.version == last.version)
            #expect(history.createRevision == last.createRevision)
        }
    }
}

/// Keys in order, and of each what is not compacted.
private struct IndexModel {
    struct Row {
        let key: RecordKey
        let version: Int64
        let createRevision: Int64

        var isTombstone: Bool { key.isTombstone }
    }

    private(set) var keys: [[UInt8]] = []
    private(set) var rows: [[UInt8]: [Row]] = [:]
    private(set) var compacted: Int64 = 0
    var revision: Int64 = 1

    /// Where a key is, or would be.
    func position(_ key: [UInt8]) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].lexicographicallyPrecedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The keys from one on, to below another.
    func keys(from: [UInt8], to: [UInt8]?) -> ArraySlice<[UInt8]> {
        let start = position(from)
        return keys[start..<max(start, to.map(position) ?? keys.count)]
    }

    func isLive(_ key: [UInt8]) -> Bool { rows[key]?.last.map { !$0.isTombstone } ?? false }

    func revision(of key: [UInt8], at revision: Int64) -> Revision? {
        let row = rows[key]?.last { $0.key.revision.main <= revision }
        return row.flatMap { $0.isTombstone ? nil : $0.key.revision }
    }

    mutating func put(_ key: [UInt8], _ revision: Revision) {
        let last = isLive(key) ? rows[key]?.last : nil
        if rows[key] == nil { keys.insert(key, at: position(key)) }
        let row = Row(
            key: RecordKey(revision),
            version: (last?.version ?? 0) + 1,
            createRevision: last?.createRevision ?? revision.main
        )
        rows[key, default: []].append(row)
    }

    mutating func delete(_ key: [UInt8], _ revision: Revision) {
        let row = Row(key: RecordKey(revision, isTombstone: true), version: 0, createRevision: 0)
        rows[key]?.append(row)
    }

    /// Takes the last row of a key back; the one before, if there is one.
    mutating func takeBack(_ key: [UInt8]) -> Row? {
        rows[key]?.removeLast()
        forgetIfEmpty(key)
        return rows[key]?.last
    }

    /// The rows that a compaction removes.
    mutating func compact(at revision: Int64) -> [RecordKey] {
        compacted = max(compacted, revision)
        var dead: [RecordKey] = []
        for key in keys {
            let all = rows[key] ?? []
            guard let last = all.lastIndex(where: { $0.key.revision.main <= revision }) else {
                continue
            }
            let stays = !all[last].isTombstone || all[last].key.revision.main == revision
            let first = stays ? last : last + 1
            guard first > 0 else { continue }
            dead += all[..<first].map(\.key)
            rows[key] = Array(all[first...])
            forgetIfEmpty(key)
        }
        return dead
    }

    private mutating func forgetIfEmpty(_ key: [UInt8]) {
        guard rows[key]?.isEmpty == true else { return }
        rows[key] = nil
        keys.remove(at: position(key))
    }
}
