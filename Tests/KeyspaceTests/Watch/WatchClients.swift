import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import Testing

/// Clients of a hub that believe nothing: whatever they are told is held against all rows that were
/// ever written.
struct WatchClients {
    /// One watch, as its client knows it.
    final class Client {
        let watch: Watch
        /// The revision of the `created` reply.
        let createdAt: Int64
        /// The first row, of all rows, that it was not told of and did not pass over.
        var row = 0
        /// It knows all before this revision.
        var position: Int64
        var events: [WatchEvent] = []
        var compactedAt: Int64?
        /// The most revisions that came in one reply.
        var mostRevisions = 0

        init(_ watch: Watch, createdAt: Int64) {
            self.watch = watch
            self.createdAt = createdAt
            position = watch.startRevision == 0 ? createdAt + 1 : watch.startRevision
        }
    }

    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    /// Sent, and not read by the client yet.
    private(set) var unread: [WatchStreamID: [WatchReply]] = [:]
    private(set) var live: [WatchStreamID: [Int64: Client]] = [:]
    /// What was asked for, in order, and not answered yet.
    private var asked: [WatchStreamID: [Watch]] = [:]
    private(set) var told = 0

    mutating func open(_ stream: WatchStreamID) {
        unread[stream] = []
        live[stream] = [:]
        asked[stream] = []
    }

    mutating func close(_ stream: WatchStreamID) {
        unread[stream] = nil
        live[stream] = nil
        asked[stream] = nil
    }

    mutating func ask(_ watch: Watch, on stream: WatchStreamID) {
        asked[stream]?.append(watch)
    }

    /// Queues what the hub has to say; a full stream must not get events.
    mutating func send(_ replies: [WatchReply], limit: Int) throws {
        for reply in replies where unread[reply.stream] != nil {
            if case .events = reply.content, bytes(reply.stream) >= limit {
                throw Violation(description: "\(reply) although the stream is full")
            }
            unread[reply.stream]?.append(reply)
        }
    }

    func bytes(_ stream: WatchStreamID) -> Int {
        unread[stream]?.reduce(0) { $0 + $1.size } ?? 0
    }

    /// The client takes its next replies, and judges each.
    mutating func read(_ stream: WatchStreamID, _ count: Int, _ model: Model) throws {
        for _ in 0..<min(count, unread[stream]?.count ?? 0) {
            guard let reply = unread[stream]?.removeFirst() else { return }
            try judge(reply, model)
        }
    }

    private mutating func judge(_ reply: WatchReply, _ model: Model) throws {
        told += 1
        switch reply.content {
        case .created:
            guard let watch = asked[reply.stream]?.removeFirst() else {
                throw Violation(description: "nobody asked for \(reply)")
            }
            guard live[reply.stream]?[reply.watch] == nil else {
                throw Violation(description: "\(reply.watch) is created twice")
            }
            live[reply.stream]?[reply.watch] = Client(watch, createdAt: reply.revision)
        case .refused: _ = asked[reply.stream]?.removeFirst()
        case .canceled:
            guard live[reply.stream]?.removeValue(forKey: reply.watch) != nil else {
                throw Violation(description: "\(reply.watch) is canceled but does not exist")
            }
        case .compacted(let revision): try judge(reply, compacted: revision, model)
        case .progress: try judge(progress: reply, model)
        case .events(let events):
            try client(reply).take(events.list, header: reply.revision, model)
        }
    }

    private func client(_ reply: WatchReply) throws -> Client {
        guard let client = live[reply.stream]?[reply.watch] else {
            throw Violation(description: "\(reply) before it was created")
        }
        guard client.compactedAt == nil else {
            throw Violation(description: "\(reply) after the watch has ended")
        }
        return client
    }

    private func judge(_ reply: WatchReply, compacted: Int64, _ model: Model) throws {
        let client = try client(reply)
        guard client.position < compacted, compacted <= model.compacted else {
            throw Violation(
                description: "compacted at \(compacted), knows all before \(client.position)"
            )
        }
        client.compactedAt = compacted
    }

    private func judge(progress reply: WatchReply, _ model: Model) throws {
        let stream = live[reply.stream] ?? [:]
        let meant = reply.watch == WatchReply.noWatch ? Array(stream.values) : [try client(reply)]
        for client in meant {
            guard client.compactedAt == nil, reply.revision >= client.watch.startRevision else {
                throw Violation(description: "progress of a watch that has not begun, or ended")
            }
            try client.passOver(before: reply.revision + 1, model)
            client.position = max(client.position, reply.revision + 1)
        }
    }

    /// Everybody has been told everything.
    func expectComplete(_ model: Model) throws {
        for client in live.values.flatMap(\.values) where client.compactedAt == nil {
            try client.passOver(before: .max, model)
        }
    }
}

extension WatchClients.Client {
    typealias Violation = WatchClients.Violation

    func take(_ events: [WatchEvent], header: Int64, _ model: Model) throws {
        guard let last = events.last?.revision.main, last <= header else {
            throw Violation(description: "no events, or the header's \(header) is before them")
        }
        for event in events { try take(event, model) }
        // Whole revisions: the next row of its own is of a later one.
        try passOver(before: last + 1, model)
        position = last + 1
        self.events += events
        mostRevisions = max(mostRevisions, Set(events.map(\.revision.main)).count)
    }

    private func take(_ event: WatchEvent, _ model: Model) throws {
        try passOver(before: event.revision.main, sub: event.revision.sub, model)
        guard row < model.rows.count, isWanted(model.rows[row], model) else {
            throw Violation(description: "\(event) is not the next")
        }
        let expected = model.rows[row]
        var pair = expected.keyValue
        if expected.isTombstone { pair.modRevision = expected.main }
        guard expected.main == event.revision.main, expected.sub == event.revision.sub,
            expected.isTombstone == event.isDeletion, Record(event.keyValue)?.keyValue == pair
        else { throw Violation(description: "\(event) instead of \(expected)") }
        try judgePrevious(event, expected, model)
        row += 1
    }

    private func judgePrevious(_ event: WatchEvent, _ row: Model.Row, _ model: Model) throws {
        guard watch.options.contains(.previous) else {
            guard event.previous == nil else { throw Violation(description: "unwanted previous") }
            return
        }
        let before = model.rows.last { $0.keyValue.key == row.keyValue.key && $0.main < row.main }
        let known = event.previous.flatMap { Record($0)?.keyValue }
        let isFirst = !row.isTombstone && row.keyValue.createRevision == row.main
        guard let before, !before.isTombstone, !isFirst else {
            guard known == nil else { throw Violation(description: "\(event) had no previous") }
            return
        }
        if known == nil, row.main - 1 < model.compacted { return }
        guard known == before.keyValue else {
            throw Violation(description: "previous of \(event) is not \(before)")
        }
    }

    /// Leaves out rows that do not concern it; one that does has been withheld.
    func passOver(before main: Int64, sub: Int64 = 0, _ model: Model) throws {
        while row < model.rows.count,
            (model.rows[row].main, model.rows[row].sub) < (main, sub)
        {
            guard !isWanted(model.rows[row], model) || isSuperseded(row, model) else {
                throw Violation(description: "\(model.rows[row]) was withheld from \(watch)")
            }
            row += 1
        }
    }

    private func isWanted(_ row: Model.Row, _ model: Model) -> Bool {
        let start = watch.startRevision == 0 ? createdAt + 1 : watch.startRevision
        let key = [UInt8](row.keyValue.key)
        return row.main >= start && watch.range.contains(key)
            && !watch.options.contains(row.isTombstone ? .noDeletions : .noPuts)
    }

    /// A compaction keeps the last change of a key in its own revision, and none before that.
    private func isSuperseded(_ index: Int, _ model: Model) -> Bool {
        let row = model.rows[index]
        return row.main <= model.compacted
            && model.rows[(index + 1)...].prefix { $0.main == row.main }
                .contains { $0.keyValue.key == row.keyValue.key }
    }
}
