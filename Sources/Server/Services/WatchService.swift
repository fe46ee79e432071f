import EtcdProto
import GRPC
import Keyspace
import Member
import NIOCore
import Raft
import SwiftProtobuf

/// `etcdserverpb.Watch`: the streams of clients, joined to the hub that knows what to tell them.
///
/// Events of a turn are queued before its reads are answered, and leave with the answers of the
/// turn in one flush for each connection.
final class WatchService {
    private let calls: ServiceCalls
    private let progressInterval: Int64
    private let hub: WatchHub
    private var messages: WatchMessages
    private var sessions: [WatchStreamID: WatchSession] = [:]
    private var isCatchUpDue = false

    init(_ calls: ServiceCalls, maxRequestBytes: Int, progressNanoseconds: Int64) {
        self.calls = calls
        progressInterval = progressNanoseconds
        hub = WatchHub(revision: calls.member.keyspace.revision)
        messages = WatchMessages(
            clusterID: calls.member.clusterID,
            memberID: calls.member.memberID,
            mostBytes: maxRequestBytes
        )
        calls.loop.onChanges = { [weak self] in self?.publish($0) }
        calls.loop.onReopened = { [weak self] in self?.restore() }
    }

    func method(_ name: Substring) -> GRPCMethod? {
        name == "Watch" ? calls.streaming(open) : nil
    }

    /// Ends all streams, so that clients look for another member.
    func stop() {
        for session in sessions.values { end(session, ServiceCalls.status(.stopped)) }
    }

    // MARK: The member

    private func publish(_ transactions: [[Change]]) {
        let keyspace = calls.member.keyspace
        for changes in transactions { hub.publish(changes, keyspace) }
        send()
    }

    private func restore() {
        hub.restore(calls.member.keyspace)
        send()
    }

    private func catchUp() {
        isCatchUpDue = false
        hub.catchUp(calls.member.keyspace)
        send()
    }

    /// Sends what the hub has to tell, and sees to it that it catches up.
    private func send() {
        let term = calls.member.term.rawValue
        for reply in hub.takeReplies() {
            guard let session = sessions[reply.stream] else { continue }
            messages.encode(reply, term: term) { session.stream.send($0) }
        }
        guard hub.isBehind, !isCatchUpDue else { return }
        isCatchUpDue = true
        calls.loop.perform { self.catchUp() }
    }

    // MARK: Clients

    private func open(_ stream: ServerStream) {
        let session = WatchSession(stream, hub.openStream())
        sessions[session.id] = session
        stream.onCancel = { self.close(session) }
        stream.onWritable = { self.wrote(session) }
        // A client that says no more still listens: `onEnd` ends nothing, as in etcd.
        stream.onMessage = { self.received($0, session) }
    }

    private func received(_ bytes: ByteBuffer, _ session: WatchSession) {
        let request: WatchRequest
        do {
            request = try WatchRequest(
                serializedBytes: Array(buffer: bytes),
                options: .clientRequest
            )
        } catch {
            // The words of grpc-go, of which clients see the beginning.
            let text = "grpc: failed to unmarshal the received message: \(error)"
            return end(session, GRPCStatus(.internalError, text))
        }
        switch request.requestUnion {
        case .createRequest(let creation):
            hub.create(Watch(creation), on: session.id)
            if creation.progressNotify { scheduleReport(session) }
        case .cancelRequest(let cancellation):
            hub.cancel(cancellation.watchID, on: session.id)
        case .progressRequest: hub.requestProgress(on: session.id)
        case nil: break
        }
        send()
        if hub.isFull(session.id) { session.setPaused(true) }
    }

    private func wrote(_ session: WatchSession) {
        hub.queued(session.stream.bufferedBytes, on: session.id)
        if !hub.isFull(session.id) { session.setPaused(false) }
        send()
    }

    private func end(_ session: WatchSession, _ status: GRPCStatus) {
        close(session)
        session.stream.finish(status)
    }

    private func close(_ session: WatchSession) {
        session.stream.onMessage = nil
        session.stream.onWritable = nil
        session.report?.cancel()
        session.report = nil
        hub.closeStream(session.id)
        sessions[session.id] = nil
    }

    /// Reports of a stream come at equal intervals, those of many streams not all at once.
    private func scheduleReport(_ session: WatchSession) {
        guard session.report == nil else { return }
        let interval = progressInterval + Int64.random(in: 0...progressInterval / 10)
        report(session, every: .nanoseconds(interval))
    }

    private func report(_ session: WatchSession, every interval: TimeAmount) {
        session.report = calls.loop.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.hub.reportProgress(on: session.id)
            self.send()
            self.report(session, every: interval)
        }
    }
}
