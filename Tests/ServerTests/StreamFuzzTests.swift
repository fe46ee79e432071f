import EtcdProto
import NIOCore
import Raft
import Server
import TestKit
import Testing

/// What another member may send, and what may stand in a data directory: any bytes are refused or
/// read, and take no more memory than they have themselves. `FUZZ_SECONDS=n` and `SEED=n` as in
/// `Fuzz`.
@Suite struct StreamFuzzTests {
    private let local = MemberID(rawValue: 2)
    private let remote = MemberID(rawValue: 1)

    @Test(arguments: Fuzz.seeds, StreamKind.allCases)
    func `a changed stream is read up to the change, or refused`(
        seed: Seed,
        kind: StreamKind
    ) throws {
        var (messageCount, refused) = (0, 0)
        Fuzz.run(seed, rounds: 1500) { generator in
            let bytes = stream(kind, &generator)
            let other = stream(kind, &generator)
            let changed = Mutation().apply(to: bytes, mixing: other, &generator)
            let whole = read(changed, kind, pieces: [changed.count])
            // How it was cut on its way makes no difference.
            let pieces = (0..<200).map { _ in 1 + generator.below(60) }
            let cut = read(changed, kind, pieces: pieces)
            if whole.messages != cut.messages || whole.failure != cut.failure {
                Issue.record("\(changed) depends on how it is cut")
            }
            messageCount += whole.messages.count
            if whole.failure != nil { refused += 1 }
        }
        #expect(messageCount > 1000 && refused > 100)
    }

    @Test(arguments: Fuzz.seeds, StreamKind.allCases)
    func `a stream that promises much takes no memory for it`(
        seed: Seed,
        kind: StreamKind
    ) throws {
        let before = try Fuzz.residentBytes()
        Fuzz.run(seed, rounds: 2000) { generator in
            var head = ByteBuffer()
            if kind == .msgApp { head.writeInteger(UInt8(1 + generator.below(2))) }
            head.writeInteger(generator.edgeNumber() >> UInt64(generator.below(48)))
            head.writeInteger(UInt64(1) << UInt64(generator.below(30)))
            head.writeBytes(generator.bytes(64))
            var decoder = StreamDecoder(kind, local: local, remote: remote)
            decoder.receive(&head)
            var messages = 0
            while messages < 1000, let message = try? decoder.next() {
                messages += 1
                #expect(message.entries.count <= 64)
            }
        }
        #expect(try Fuzz.residentBytes() - before < 64 << 20)
    }

    @Test(arguments: Fuzz.seeds)
    func `any identity file is read or refused`(seed: Seed) {
        let words = ["\"", "\\", "{", "}", ":", ",", "member_id", "cluster_id", "\\u0041", "ffff"]
        let mutation = Mutation(words: words.map { Array($0.utf8) }, maxCount: 1 << 10)
        let identity = Identity(
            name: "a\"\\\u{7}é",
            memberID: MemberID(rawValue: .max),
            clusterID: ClusterID(rawValue: 1)
        )
        #expect(Identity(json: identity.json)?.memberID == identity.memberID)
        Fuzz.run(seed, rounds: 5000) { generator in
            let bytes = mutation.apply(to: Array(identity.json.utf8), &generator)
            guard let read = Identity(json: String(decoding: bytes, as: UTF8.self)) else { return }
            let again = Identity(json: read.json)
            if again?.memberID != read.memberID || again?.clusterID != read.clusterID {
                Issue.record("\(read) comes back as \(String(describing: again))")
            }
        }
    }

    private func stream(_ kind: StreamKind, _ generator: inout Generator) -> [UInt8] {
        var encoder = StreamEncoder(kind)
        var buffer = ByteBuffer()
        var index: UInt64 = 5
        for _ in 0..<(1 + generator.below(5)) {
            if generator.chance(0.2) {
                encoder.encode(.linkHeartbeat, into: &buffer)
                continue
            }
            if generator.chance(0.2) { index += 3 }
            var message = Message(
                kind: .append,
                to: NodeID(rawValue: 2),
                from: NodeID(rawValue: 1),
                term: Term(rawValue: 3),
                logTerm: Term(rawValue: 3),
                index: LogIndex(rawValue: index)
            )
            for _ in 0..<generator.below(4) {
                index += 1
                message.entries.append(
                    Entry(
                        term: Term(rawValue: 3),
                        index: LogIndex(rawValue: index),
                        data: generator.bytes(generator.below(30))
                    )
                )
            }
            encoder.encode(message, into: &buffer)
        }
        return Array(buffer.readableBytesView)
    }

    private func read(
        _ bytes: [UInt8],
        _ kind: StreamKind,
        pieces: [Int]
    ) -> (messages: [Message], failure: StreamDecoder.Failure?) {
        var decoder = StreamDecoder(kind, local: local, remote: remote, maxMessageBytes: 1 << 16)
        var rest = bytes[...]
        var messages: [Message] = []
        var sizes = pieces[...]
        while !rest.isEmpty {
            let piece = rest.prefix(sizes.popFirst() ?? rest.count)
            rest = rest.dropFirst(piece.count)
            var buffer = ByteBuffer(bytes: piece)
            decoder.receive(&buffer)
            do throws(StreamDecoder.Failure) {
                while let message = try decoder.next() { messages.append(message) }
            } catch {
                return (messages, error)
            }
        }
        return (messages, nil)
    }
}
