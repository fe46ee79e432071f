import Crypto
import EtcdProto
import FoundationEssentials
import GRPC
import Keyspace
import Logging
import Member
import NIOCore
import NIOPosix
import Storage
import SwiftProtobuf

/// One call of `Maintenance.Snapshot`: the keyspace as etcd's database file, in pieces, and at last
/// its checksum.
///
/// The file is written first, because each piece says how much is to come, and so that the view is
/// held no longer than the disk needs. From there on a piece is read when the client has taken most
/// of what was sent before: a slow client costs a file, not memory.
///
///     waiting -> (a free view) -> writing the file -> reading <-> sending -> over
final class SnapshotSending {
    private let stream: ServerStream
    private let loop: MemberLoop
    private let spool: SnapshotSpool
    private var file: (any DiskFile)?
    private var size: Int64 = 0
    private var offset: Int64 = 0
    private var checksum = SHA256()
    private var storageVersion = ""
    /// Another thread has the file.
    private var isBusy = false
    private var isOver = false
    private var hasView = false

    /// etcd's, in octets.
    private static let messageBytes = 32 << 10
    private static let pieceBytes = 8 * messageBytes
    /// Below this many unsent octets the next piece is read.
    private static let unsentBytes = 2 * pieceBytes

    init(_ stream: ServerStream, _ loop: MemberLoop) {
        self.stream = stream
        self.loop = loop
        spool = loop.spool
    }

    func start() {
        stream.onCancel = { self.end() }
        stream.onWritable = { self.sendMore() }
        let hasSlot = loop.views.take {
            self.hasView = true
            guard !self.isOver else { return self.releaseView() }
            // What was acknowledged before the call is in the snapshot.
            self.loop.flushBackend { self.loop.perform { self.writeFile() } }
        }
        if !hasSlot { fail(.tooManyRequests) }
    }

    private func releaseView() {
        guard hasView else { return }
        hasView = false
        loop.views.release()
    }

    // MARK: Writing the file

    private struct Written: Sendable {
        let file: any DiskFile
        let summary: SnapshotSummary
        let storageVersion: String
    }

    private func writeFile() {
        guard !isOver else { return releaseView() }
        let view: any BackendView
        do throws(BackendError) {
            view = try loop.backend.backend.openView()
        } catch {
            releaseView()
            fail(.snapshot(error))
            return loop.fail(.backend(error))
        }
        let spool = spool
        work { () throws -> Written in
            defer { view.close() }
            let file = try spool.create()
            do {
                let summary = try SnapshotFile.write(view, to: file)
                let version = try Self.storageVersion(view)
                return Written(file: file, summary: summary, storageVersion: version)
            } catch {
                spool.discard(file)
                throw error
            }
        } then: { result in
            self.releaseView()
            switch result {
            case .success(let written):
                self.file = written.file
                self.size = written.summary.size
                self.storageVersion = written.storageVersion
                if self.isOver { self.discard() } else { self.sendMore() }
            case .failure(let error):
                self.loop.logger.error(
                    "a snapshot for a client could not be written",
                    metadata: ["why": "\(error)"]
                )
                self.fail(.snapshot(error))
            }
        }
    }

    private static func storageVersion(_ view: any BackendView) throws(BackendError) -> String {
        var version = ""
        try view.scan(.meta, from: MetaKey.storageVersion) { key, value in
            var name: [UInt8] = []
            for position in key.indices { name.append(key[position]) }
            guard name == MetaKey.storageVersion else { return false }
            var text: [UInt8] = []
            for position in value.indices { text.append(value[position]) }
            version = String(decoding: text, as: UTF8.self)
            return false
        }
        return version
    }

    // MARK: Sending it

    private func sendMore() {
        guard let file, !isBusy, !isOver, stream.bufferedBytes < Self.unsentBytes else { return }
        guard offset < size else { return sendChecksum() }
        let (offset, count) = (offset, Int(min(Int64(Self.pieceBytes), size - offset)))
        let before = checksum
        work { () throws -> (piece: [UInt8], checksum: SHA256) in
            let piece = try file.read(at: offset, count: count)
            guard piece.count == count else { throw Cut(path: file.path) }
            var checksum = before
            checksum.update(data: piece)
            return (piece, checksum)
        } then: { result in
            guard !self.isOver else { return self.discard() }
            switch result {
            case .success(let (piece, checksum)):
                self.checksum = checksum
                self.send(piece)
                self.sendMore()
            case .failure(let error): self.fail(.snapshot(error))
            }
        }
    }

    /// The file was changed by somebody else.
    private struct Cut: Error {
        let path: String
    }

    private func send(_ piece: [UInt8]) {
        for start in stride(from: 0, to: piece.count, by: Self.messageBytes) {
            let blob = piece[start..<min(start + Self.messageBytes, piece.count)]
            offset += Int64(blob.count)
            send(blob: blob)
        }
    }

    private func send(blob: ArraySlice<UInt8>) {
        var response = SnapshotResponse()
        response.remainingBytes = UInt64(size - offset)
        response.blob = Data(blob)
        response.version = storageVersion
        do {
            let bytes: [UInt8] = try response.serializedBytes()
            stream.send(ByteBuffer(bytes: bytes))
        } catch {
            fail(.snapshot(error))
        }
    }

    private func sendChecksum() {
        send(blob: Array(checksum.finalize())[...])
        checksum = SHA256()
        guard !isOver else { return }
        end()
        stream.finish(.ok)
    }

    // MARK: Ends

    private func fail(_ error: EtcdError) {
        guard !isOver else { return }
        end()
        stream.finish(ServiceCalls.status(error))
    }

    private func end() {
        isOver = true
        stream.onCancel = nil
        stream.onWritable = nil
        discard()
    }

    /// Removes the file, once nobody reads it.
    private func discard() {
        guard !isBusy, let file else { return }
        self.file = nil
        let spool = spool
        NIOThreadPool.singleton.submit { _ in spool.discard(file) }
    }

    private func work<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value,
        then done: @escaping (Result<Value, any Error>) -> Void
    ) {
        isBusy = true
        NIOThreadPool.singleton.runIfActive(eventLoop: loop.eventLoop, body)
            .assumeIsolated()
            .whenComplete { result in
                self.isBusy = false
                done(result)
            }
    }
}

extension EtcdError {
    /// gRPC's code for what a server's Go error says without one: unknown.
    fileprivate static func snapshot(_ error: any Error) -> EtcdError {
        EtcdError(code: GRPCCode.unknown.rawValue, message: "\(error)")
    }
}
