import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// What watchers are told, case by case; the cases are etcd's bugs and etcd's answers.
@Suite struct WatchHubTests {
    /// A keyspace with a hub; what the hub says is text.
    private struct World {
        var driver: Driver
        let hub: WatchHub
        let stream: WatchStreamID

        init(_ backend: any Backend = MemoryBackend(), limits: WatchHub.Limits = .init()) throws {
            driver = try Driver(backend)
            hub = WatchHub(revision: driver.keyspace.revision, limits: limits)
            stream = hub.openStream()
        }

        mutating func apply(_ change: (inout Driver) -> Outcome) {
            let outcome = change(&driver)
            hub.publish(outcome.changes, driver.keyspace)
        }

        mutating func put(_ keys: String...) {
            for key in keys { apply { $0.put(key, key) } }
        }

        mutating func delete(_ key: String, _ end: String = "") {
            let request = DeleteRangeRequest.with {
                $0.key = bytes(key)
                $0.rangeEnd = bytes(end)
            }
            apply { $0.delete(request) }
        }

        func watch(_ key: String, _ change: (inout WatchCreateRequest) -> Void = { _ in }) {
            var request = WatchCreateRequest()
            request.key = bytes(key)
            change(&request)
            hub.create(Watch(request), on: stream)
        }

        func catchUp() {
            while hub.isBehind { hub.catchUp(driver.keyspace) }
        }

        func replies() -> [String] { hub.takeReplies().map(text) }

        /// Such as `0 @5: put a 4.0, del b 4.1 (was 3)`.
        private func text(_ reply: WatchReply) -> String {
            let head = "\(reply.watch) @\(reply.revision): "
            switch reply.content {
            case .created: return head + "created"
            case .refused(let reason): return head + "refused \(reason)"
            case .canceled: return head + "canceled"
            case .compacted(let revision): return head + "compacted \(revision)"
            case .progress: return head + "progress"
            case .events(let events):
                return head + events.list.map(text).joined(separator: ", ")
            }
        }

        private func text(_ event: WatchEvent) -> String {
            let key = Record(event.keyValue).map { String(decoding: $0.key, as: UTF8.self) }
            let previous = event.previous.flatMap { Record($0)?.modRevision }
            return "\(event.isDeletion ? "del" : "put") \(key ?? "?") \(event.revision)"
                + (previous.map { " (was \($0))" } ?? "")
        }
    }

    @Test func `a watch is created before its first event, and told of each transaction`() throws {
        var world = try World()
        world.put("a")
        world.watch("a")
        world.watch("a") { $0.rangeEnd = bytes("c") }
        world.put("a", "b", "c")
        world.delete("a", "c")
        #expect(
            world.replies() == [
                "0 @2: created", "1 @2: created", "0 @3: put a 3.0", "1 @3: put a 3.0",
                "1 @4: put b 4.0", "0 @6: del a 6.0", "1 @6: del a 6.0, del b 6.1",
            ]
        )
    }

    @Test func `an older start is told of first, then the present, without a seam`() throws {
        var world = try World()
        world.put("a", "b", "a")
        world.watch("a") { $0.startRevision = 2 }
        world.put("a")
        #expect(world.replies() == ["0 @4: created"])
        world.catchUp()
        world.put("a")
        #expect(
            world.replies() == ["0 @5: put a 2.0, put a 4.0, put a 5.0", "0 @6: put a 6.0"]
        )
    }

    @Test func `a watch from a future revision sees nothing older`() throws {
        var world = try World()
        world.put("a")
        world.watch("a") { $0.startRevision = 5 }
        world.put("a", "a")
        world.hub.requestProgress(on: world.stream)
        #expect(world.replies() == ["0 @2: created"])
        world.put("a", "a")
        world.hub.requestProgress(on: world.stream)
        #expect(world.replies() == ["0 @5: put a 5.0", "0 @6: put a 6.0", "-1 @6: progress"])
    }

    @Test func `a future start stays in the future when a snapshot comes`() throws {
        var world = try World()
        world.watch("a") { $0.startRevision = 6 }
        world.watch("a")
        for _ in 0..<3 { _ = world.driver.put("a") }
        world.hub.restore(world.driver.keyspace)
        world.catchUp()
        world.put("a", "a")
        #expect(
            world.replies() == [
                "0 @1: created", "1 @1: created", "1 @4: put a 2.0, put a 3.0, put a 4.0",
                "1 @5: put a 5.0", "1 @6: put a 6.0", "0 @6: put a 6.0",
            ]
        )
    }

    @Test(arguments: [true, false])
    func `a deletion at the revision of a compaction is still told`(inMemory: Bool) throws {
        let directory = inMemory ? nil : try TemporaryDirectory("watch-tombstone")
        defer { directory?.remove() }
        let store = Store(directory: directory?.path)
        var world = try World(store.open())
        world.put("a")
        world.delete("a")
        world.put("b")
        _ = world.driver.compact(3)
        try world.driver.finishCompaction()
        try world.driver.flush()
        world.watch("a") { $0.startRevision = 3 }
        world.catchUp()
        #expect(world.replies() == ["0 @4: created", "0 @4: del a 3.0"])
        // And after a restart.
        let again = try World(store.open())
        again.watch("a") { $0.startRevision = 3 }
        again.catchUp()
        #expect(again.replies() == ["0 @4: created", "0 @4: del a 3.0"])
    }

    @Test func `a start below a compaction is created and then ended`() throws {
        var world = try World()
        world.put("a", "a", "a")
        _ = world.driver.compact(3)
        world.watch("a") { $0.startRevision = 2 }
        world.watch("a") { $0.startRevision = 3 }
        world.catchUp()
        #expect(
            world.replies() == [
                "0 @4: created", "1 @4: created", "0 @0: compacted 3",
                "1 @4: put a 3.0, put a 4.0",
            ]
        )
        // It keeps its id, and keeps its stream from progress, until the client lets go of it.
        world.watch("b") { $0.watchID = 0 }
        world.hub.requestProgress(on: world.stream)
        world.hub.cancel(0, on: world.stream)
        world.hub.requestProgress(on: world.stream)
        #expect(world.replies() == ["2 @4: created", "0 @4: canceled", "-1 @4: progress"])
    }

    @Test func `a slow watch goes on where it was, once, and progress does not overtake`() throws {
        var limits = WatchHub.Limits()
        limits.streamBytes = 200
        var world = try World(limits: limits)
        world.watch("a") { $0.progressNotify = true }
        world.put("a", "a", "a", "a", "a")
        world.hub.requestProgress(on: world.stream)
        world.hub.reportProgress(on: world.stream)
        // Two fit in; then it waits.
        #expect(world.replies() == ["0 @1: created", "0 @2: put a 2.0", "0 @3: put a 3.0"])
        world.catchUp()
        #expect(world.replies() == [])
        world.hub.queued(0, on: world.stream)
        world.hub.requestProgress(on: world.stream)
        #expect(world.replies() == [])
        world.put("a")
        world.catchUp()
        world.hub.requestProgress(on: world.stream)
        world.hub.queued(0, on: world.stream)
        world.put("a")
        #expect(
            world.replies() == [
                "0 @7: put a 4.0, put a 5.0, put a 6.0, put a 7.0", "-1 @7: progress",
                "0 @8: put a 8.0",
            ]
        )
    }

    @Test func `a slow watch that a compaction overtakes is ended when it has room`() throws {
        var limits = WatchHub.Limits()
        limits.streamBytes = 100
        var world = try World(limits: limits)
        world.watch("a")
        world.put("a", "a", "a", "a")
        _ = world.driver.compact(5)
        #expect(world.replies() == ["0 @1: created", "0 @2: put a 2.0"])
        world.hub.queued(0, on: world.stream)
        world.catchUp()
        #expect(world.replies() == ["0 @0: compacted 5"])
    }

    @Test func `a watch that was told everything survives a compaction behind it`() throws {
        var world = try World()
        world.watch("a")
        world.put("b", "b", "b")
        _ = world.driver.compact(4)
        world.hub.restore(world.driver.keyspace)
        world.catchUp()
        world.put("a")
        #expect(world.replies() == ["0 @1: created", "0 @5: put a 5.0"])
    }

    @Test func `what is before an event is told, unless there was nothing or it is compacted`()
        throws
    {
        var world = try World()
        world.watch("a") { $0.prevKv = true }
        world.put("a", "a")
        world.delete("a")
        world.put("a")
        world.watch("a") {
            $0.prevKv = true; $0.startRevision = 3
        }
        _ = world.driver.compact(3)
        world.catchUp()
        #expect(
            world.replies() == [
                "0 @1: created", "0 @2: put a 2.0", "0 @3: put a 3.0 (was 2)",
                "0 @4: del a 4.0 (was 3)", "0 @5: put a 5.0", "1 @5: created",
                "1 @5: put a 3.0, del a 4.0 (was 3), put a 5.0",
            ]
        )
    }

    @Test func `filters leave events out, and a reply without events is not sent`() throws {
        var world = try World()
        world.watch("a") { $0.filters = [.noput] }
        world.watch("a") { $0.filters = [.nodelete] }
        world.watch("a") { $0.filters = [.nodelete, .noput, .UNRECOGNIZED(9)] }
        world.put("a")
        world.delete("a")
        #expect(world.replies().dropFirst(3) == ["1 @2: put a 2.0", "0 @3: del a 3.0"])
    }

    @Test func `what cannot be watched is refused in etcd's words`() throws {
        let world = try World()
        world.watch("b") { $0.rangeEnd = bytes("a") }
        world.watch("b") { $0.rangeEnd = bytes("b") }
        world.watch("b") { $0.startRevision = -1 }
        world.watch("b") { $0.watchID = 7 }
        world.watch("b") { $0.watchID = 7 }
        world.watch("b") { $0.watchID = 1 }
        world.watch("b")
        world.watch("b")
        world.hub.cancel(99, on: world.stream)
        #expect(
            world.replies() == [
                "-1 @1: refused mvcc: watcher range is empty",
                "-1 @1: refused mvcc: watcher range is empty",
                "-1 @1: refused etcdserver: mvcc: required revision has been compacted",
                "7 @1: created",
                "-1 @1: refused mvcc: duplicate watch ID provided on the WatchStream",
                "1 @1: created", "0 @1: created", "2 @1: created",
            ]
        )
    }

    @Test func `no key is the smallest, and a zero byte is no end`() throws {
        var world = try World()
        world.watch("")
        world.watch("") { $0.rangeEnd = Data([0]) }
        world.watch("b") { $0.rangeEnd = Data([0]) }
        world.put("a", "b", "\0")
        #expect(
            world.replies().dropFirst(3) == [
                "1 @2: put a 2.0", "1 @3: put b 3.0", "2 @3: put b 3.0", "0 @4: put \0 4.0",
                "1 @4: put \0 4.0",
            ]
        )
    }

    @Test func `history comes in replies of at most a thousand revisions, which stay whole`()
        throws
    {
        var world = try World()
        for number in 0..<2_500 { _ = world.driver.put("k\(number)") }
        _ = world.driver.delete(
            .with {
                $0.key = bytes("k"); $0.rangeEnd = bytes("l")
            }
        )
        world.hub.restore(world.driver.keyspace)
        try world.driver.flush()
        world.watch("k") {
            $0.rangeEnd = bytes("l"); $0.startRevision = 2
        }
        world.catchUp()
        let counts = world.hub.takeReplies().dropFirst().map { reply -> Int in
            guard case .events(let events) = reply.content else { return -1 }
            return events.list.count
        }
        #expect(counts == [1_000, 1_000, 500 + 2_500])
    }

    @Test func `those who come in behind do not keep others behind`() throws {
        var limits = WatchHub.Limits()
        limits.sliceRows = 10
        var world = try World(limits: limits)
        for _ in 0..<200 { _ = world.driver.put("a") }
        world.hub.restore(world.driver.keyspace)
        world.watch("a") {
            $0.startRevision = 150; $0.watchID = 1_000
        }
        var isDone = false
        for _ in 0..<30 where !isDone {
            // Each time somebody begins at the beginning.
            world.watch("a") { $0.startRevision = 2 }
            world.hub.catchUp(world.driver.keyspace)
            isDone = world.replies().contains { $0.hasPrefix("1000 ") && $0.hasSuffix("201.0") }
        }
        #expect(isDone)
    }

    @Test(arguments: Seed.batch(4))
    func `just those are told whose range holds the key`(seed: Seed) throws {
        var random = seed.generator()
        var world = try World()
        var watches: [Int64: Watch] = [:]
        func word(_ random: inout Generator) -> String {
            String(
                (0..<1 + random.below(3)).map { _ in random.pick(["a", "b", "c", "d"]) }.joined()
            )
        }
        for round in 0..<2_000 {
            if watches.count < 300 || random.chance(0.5) {
                let id = Int64(round + 1)
                var request = WatchCreateRequest()
                request.key = bytes(word(&random))
                request.watchID = id
                request.rangeEnd = random.pick([Data(), Data([0]), bytes(word(&random) + "z")])
                let watch = Watch(request)
                world.hub.create(watch, on: world.stream)
                if watch.range.isEmpty { continue }
                watches[id] = watch
            } else if let id = watches.keys.sorted().randomElement(with: &random) {
                world.hub.cancel(id, on: world.stream)
                watches[id] = nil
            }
            guard round.isMultiple(of: 10) else { continue }
            _ = world.hub.takeReplies()
            world.hub.queued(0, on: world.stream)
            let key = word(&random)
            world.put(key)
            let told = Set(world.hub.takeReplies().map(\.watch))
            let meant = watches.filter { $0.value.range.contains(Array(key.utf8)) }.map(\.key)
            #expect(told == Set(meant))
        }
    }

    /// Printed, not judged: this machine may be busy.
    @Test func `what a put costs beside a hundred thousand watches of other keys`() throws {
        func seconds(_ watches: Int) throws -> Double {
            var world = try World()
            for number in 0..<watches {
                world.watch("other/\(number)") {
                    if number.isMultiple(of: 2) { $0.rangeEnd = bytes("other/\(number)/") }
                }
            }
            _ = world.hub.takeReplies()
            world.hub.queued(0, on: world.stream)
            let outcomes = (0..<20_000).map { world.driver.put("key\($0 % 100)") }
            let start = ContinuousClock.now
            for outcome in outcomes { world.hub.publish(outcome.changes, world.driver.keyspace) }
            let time = ContinuousClock.now - start
            #expect(world.hub.takeReplies().isEmpty)
            return Double(time.components.attoseconds) / 1e18 / 20_000
        }
        let one = try seconds(2)
        let many = try seconds(100_000)
        print("publishing a put: \(one * 1e9) ns beside 2 watches, \(many * 1e9) beside 100,000")
    }
}

extension [Int64] {
    fileprivate func randomElement(with random: inout Generator) -> Int64? {
        isEmpty ? nil : random.pick(self)
    }
}
