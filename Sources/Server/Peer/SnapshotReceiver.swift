import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import NIOHTTP1
import NIOPosix
import Raft
import Storage

/// Takes one `POST /raft/snapshot`: the message first, which Raft must have a use for, then the
/// file, which is written down, checked and loaded beside the keyspace before Raft is asked.
final class SnapshotReceiver {
    private let loop: MemberLoop
    private let file: any DiskFile
    private var gathered = ByteBuffer()
    private var message: Message?
    private var offset: Int64 = 0
    private var isWriting = false
    private var failure: HTTPAnswer?
    private var end: ((HTTPAnswer) -> Void)?
    private var isOver = false
    private var isReleased = false
    /// Asks for more of the body, when what came before is written.
    var onReadable: (() -> Void)?

    private static let maxMessageBytes = 64 << 20
    /// So much of the file waits in memory to be written.
    private static let maxGatheredBytes = 1 << 20

    init(_ loop: MemberLoop, _ file: any DiskFile) {
        self.loop = loop
        self.file = file
    }

    /// Takes a piece of the body. False: no more, until `onReadable`.
    func take(_ bytes: inout ByteBuffer) -> Bool {
        guard failure == nil else { return true }
        gathered.writeBuffer(&bytes)
        if message == nil { readMessage() }
        writeNext()
        return message == nil || gathered.readableBytes < Self.maxGatheredBytes
    }

    /// The body is complete.
    func finish(_ reply: @escaping (HTTPAnswer) -> Void) {
        end = reply
        writeNext()
    }

    /// The connection has gone, or the request was answered.
    func close() {
        isOver = true
        releaseIfDone()
    }

    /// Makes room for another snapshot, but not while this one is still being written or loaded.
    private func releaseIfDone() {
        guard isOver, !isWriting, !isReleased else { return }
        isReleased = true
        loop.snapshotReceived()
        let (spool, file) = (loop.spool, file)
        NIOThreadPool.singleton.submit { _ in spool.discard(file) }
    }

    private func readMessage() {
        guard let length = gathered.getInteger(at: gathered.readerIndex, as: UInt64.self) else {
            return
        }
        guard length <= UInt64(Self.maxMessageBytes) else {
            return fail(.badRequest, "the message of the snapshot is too large")
        }
        guard gathered.readableBytes >= 8 + Int(length) else { return }
        gathered.moveReaderIndex(forwardBy: 8)
        do throws(WireError) {
            let bytes = gathered.readBytes(length: Int(length)) ?? []
            let message = try Message(decoding: bytes[...])
            guard message.kind == .snapshot,
                MessageFilter.accepts(message, local: loop.transport.identity.memberID)
            else { return fail(.badRequest, "expected a snapshot for this member") }
            self.message = message
            // What is of no use need not be sent; etcd takes it all and drops it then.
            if !loop.member.isNews(message) { fail(.noContent, "") }
        } catch {
            fail(.badRequest, "error unmarshalling raft message")
        }
    }

    private func fail(_ status: HTTPResponseStatus, _ text: String) {
        let headers = loop.transport.identity.answerHeaders
        failure =
            status == .noContent ? HTTPAnswer(status, headers) : .error(status, text, headers)
        gathered.clear()
    }

    private func writeNext() {
        guard !isWriting, !isOver else { return }
        if failure == nil, message != nil, gathered.readableBytes > 0 {
            let bytes = gathered.readBytes(length: gathered.readableBytes) ?? []
            gathered.clear()
            let (file, offset) = (file, offset)
            self.offset += Int64(bytes.count)
            work({ try file.write(bytes, at: offset) }) { _ in
                self.onReadable?()
                self.writeNext()
            }
        } else if let end {
            self.end = nil
            install(end)
        }
    }

    private func install(_ reply: @escaping (HTTPAnswer) -> Void) {
        func answer() {
            reply(failure ?? HTTPAnswer(.noContent, loop.transport.identity.answerHeaders))
            close()
        }
        guard failure == nil else { return answer() }
        guard let message, let expected = message.snapshot else {
            fail(.badRequest, "the body ends before the snapshot")
            return answer()
        }
        let (file, store) = (file, loop.replica.store)
        work({ try store.prepare(file, as: expected) }) { isLoaded in
            if !isLoaded || self.loop.install(message) { return answer() }
            // It came too late to be of use.
            self.work({ try store.discard() }) { _ in answer() }
        }
    }

    /// Runs what may wait for a disk elsewhere; an error becomes the answer.
    private func work(
        _ body: @escaping @Sendable () throws -> Void,
        _ done: @escaping (Bool) -> Void
    ) {
        isWriting = true
        NIOThreadPool.singleton.runIfActive(eventLoop: loop.eventLoop, body)
            .assumeIsolated()
            .whenComplete { result in
                self.isWriting = false
                if case .failure(let error) = result {
                    self.loop.logger.error(
                        "a snapshot could not be received",
                        metadata: ["why": "\(error)"]
                    )
                    self.fail(.internalServerError, "failed to save the snapshot: \(error)")
                    done(false)
                } else {
                    done(true)
                }
                self.releaseIfDone()
            }
    }
}
