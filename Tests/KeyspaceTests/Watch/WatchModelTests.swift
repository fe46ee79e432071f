import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Random histories, watches and clients, of which some hardly read: every watch is told exactly
/// the history of its keys, in order, whole revisions, once.
@Suite struct WatchModelTests {
    @Test(arguments: Seed.batch(10), [true, false])
    func `every watch is told the history of its keys, whoever is slow`(
        seed: Seed,
        inMemory: Bool
    ) throws {
        let directory = inMemory ? nil : try TemporaryDirectory("watch-model")
        defer { directory?.remove() }
        var run = try Run(seed, Store(directory: directory?.path))
        for _ in 0..<1_200 { try run.step() }
        try run.finish()
        #expect(run.clients.told > 150)
    }

    private struct Run {
        var random: Generator
        var requests: RandomRequests
        let store: Store
        var driver: Driver
        var model = Model()
        let hub: WatchHub
        var limits = WatchHub.Limits()
        var clients = WatchClients()
        var streams: [WatchStreamID] = []

        init(_ seed: Seed, _ store: Store) throws {
            random = seed.generator()
            requests = RandomRequests(random, keyCount: 3 + random.below(30))
            self.store = store
            driver = try Driver(store.open())
            limits.streamBytes = random.pick([300, 2_000, 20_000])
            limits.allBytes = random.pick([1_000, 1 << 20])
            limits.sliceRows = random.pick([1, 7, 50])
            hub = WatchHub(revision: driver.keyspace.revision, limits: limits)
        }

        mutating func step() throws {
            requests.revision = model.revision
            requests.compacted = model.compacted
            switch random.below(40) {
            case 0...9: try publish(change())
            case 10: compact()
            case 11, 12: try driver.flush()
            case 13: driver.seal()
            case 14: _ = driver.keyspace.compactStep()
            case 15: open()
            case 16: close()
            case 17...20: create()
            case 21: cancel()
            case 22: if let stream = anyStream { hub.requestProgress(on: stream) }
            case 23: if let stream = anyStream { hub.reportProgress(on: stream) }
            case 24...31: hub.catchUp(driver.keyspace)
            case 32: restore()
            default: if let stream = anyStream { try read(stream, random.below(12)) }
            }
            try clients.send(hub.takeReplies(), limit: limits.streamBytes)
        }

        private var anyStream: WatchStreamID? {
            mutating get { streams.isEmpty ? nil : random.pick(streams) }
        }

        private mutating func publish(_ outcome: Outcome) throws {
            hub.publish(outcome.changes, driver.keyspace)
        }

        private mutating func change() -> Outcome {
            switch random.below(4) {
            case 0, 1:
                let request = requests.put()
                _ = try? model.apply { model throws(EtcdError) in try model.put(request) }
                return driver.put(request)
            case 2:
                let request = requests.delete()
                _ = try? model.apply { model throws(EtcdError) in model.delete(request) }
                return driver.delete(request)
            default:
                let request = requests.txn()
                _ = try? model.apply { model throws(EtcdError) in try model.txn(request) }
                return driver.txn(request)
            }
        }

        private mutating func compact() {
            let revision = max(model.compacted, 0) + Int64(random.below(8))
            _ = try? model.compact(revision)
            _ = driver.compact(revision)
        }

        /// A received snapshot: the keyspace is further, and nobody has said how it got there.
        private mutating func restore() {
            for _ in 0..<random.below(6) { _ = change() }
            hub.restore(driver.keyspace)
        }

        private mutating func open() {
            guard streams.count < 6 else { return }
            let stream = hub.openStream()
            streams.append(stream)
            clients.open(stream)
        }

        private mutating func close() {
            guard streams.count > 4, let stream = anyStream else { return }
            streams.removeAll { $0 == stream }
            hub.closeStream(stream)
            clients.close(stream)
        }

        private mutating func create() {
            guard let stream = anyStream else { return }
            var request = WatchCreateRequest()
            request.key = requests.key()
            request.rangeEnd = random.pick([Data(), Data([0]), requests.key(), Data("z".utf8)])
            request.watchID = random.chance(0.3) ? Int64(random.below(9)) : 0
            let past = Int64(random.below(Int(model.revision) + 4)) - 1
            request.startRevision = random.chance(0.4) ? 0 : past
            request.prevKv = random.chance(0.4)
            request.progressNotify = random.chance(0.3)
            if random.chance(0.2) { request.filters.append(.noput) }
            if random.chance(0.2) { request.filters.append(.nodelete) }
            clients.ask(Watch(request), on: stream)
            hub.create(Watch(request), on: stream)
        }

        private mutating func cancel() {
            guard let stream = anyStream else { return }
            hub.cancel(Int64(random.below(12)), on: stream)
        }

        private mutating func read(_ stream: WatchStreamID, _ count: Int) throws {
            try clients.read(stream, count, model)
            hub.queued(clients.bytes(stream), on: stream)
        }

        /// All clients read, until nobody is behind.
        mutating func finish() throws {
            repeat {
                hub.catchUp(driver.keyspace)
                try clients.send(hub.takeReplies(), limit: limits.streamBytes)
                for stream in streams { try read(stream, .max) }
            } while hub.isBehind
            try clients.expectComplete(model)
        }
    }
}
