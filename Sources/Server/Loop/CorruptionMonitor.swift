import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import NIOHTTP1

/// Compares this member's data with the others', over `/members/hashkv`.
final class CorruptionMonitor {
    private let loop: MemberLoop
    private let interval: TimeAmount
    private let compactionInterval: TimeAmount
    private var isChecking = false
    private var isCheckingCompactions = false
    /// Up to which all members had the same at compactions.
    private var verifiedRevision: Int64 = 0

    /// - Parameters:
    ///   - interval: between two comparisons while this member leads; zero is never.
    ///   - compactionInterval: the same for what members had at compactions.
    init(_ loop: MemberLoop, interval: TimeAmount, compactionInterval: TimeAmount) {
        self.loop = loop
        self.interval = interval
        self.compactionInterval = compactionInterval
    }

    func start() {
        if interval > .zero { scheduleCheck() }
        if compactionInterval > .zero { scheduleCompactionCheck() }
    }

    private func scheduleCheck() {
        loop.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            guard !self.loop.isStopped else { return }
            self.scheduleCheck()
            guard !self.isChecking, !self.loop.isIdle, self.loop.member.isLeader else { return }
            self.isChecking = true
            self.check { error in
                self.isChecking = false
                if let error {
                    self.loop.logger.warning(
                        "the members' data were not compared",
                        metadata: ["why": "\(error)"]
                    )
                }
            }
        }
    }

    // MARK: While it leads

    /// Looks at the own data before and after the others', because entries are applied meanwhile.
    private func check(_ done: @escaping (EtcdError?) -> Void) {
        loop.hashKV(at: 0) { result in
            guard case .success(let first) = result else { return done(result.error) }
            self.askPeers(first.hashedRevision) { peers in
                self.loop.member.read { error in
                    if let error { return done(error) }
                    self.loop.hashKV(at: 0) { result in
                        guard case .success(let second) = result else { return done(result.error) }
                        self.judge(first, second, peers)
                        done(nil)
                    }
                }
                self.loop.noteRequest()
            }
        }
    }

    private func judge(
        _ first: KeyspaceHash,
        _ second: KeyspaceHash,
        _ peers: [(id: MemberID, answer: PeerHash)]
    ) {
        let member = loop.member
        let suspect = CorruptionCheck.suspect(
            leader: member.memberID,
            first,
            second,
            peers: peers
        )
        guard let suspect else {
            return loop.logger.info(
                "compared the members' data",
                metadata: ["peers": "\(peers.count)", "revision": "\(first.hashedRevision)"]
            )
        }
        let sums = peers.map { "\($0.id): \($0.answer.hash)" }.joined(separator: "; ")
        loop.logger.error(
            "a member's data differ from the leader's; an alarm is raised",
            metadata: ["member": "\(suspect)", "leader": "\(first)", "peers": "\(sums)"]
        )
        member.raise(.corrupt, of: suspect)
        loop.wake()
    }

    // MARK: At compactions

    private func scheduleCompactionCheck() {
        loop.eventLoop.assumeIsolated().scheduleTask(in: compactionInterval) {
            guard !self.loop.isStopped else { return }
            self.scheduleCompactionCheck()
            guard !self.isCheckingCompactions, !self.loop.isIdle, self.loop.member.isLeader else {
                return
            }
            let newer = self.loop.compactionHashes.all.filter {
                $0.hashedRevision > self.verifiedRevision
            }
            self.isCheckingCompactions = true
            self.compare(newer[...])
        }
    }

    /// From the newest to the oldest, until all members have one that can be compared.
    private func compare(_ hashes: ArraySlice<KeyspaceHash>) {
        let member = loop.member
        guard let hash = hashes.last, member.membership.members.count > 1 else {
            return isCheckingCompactions = false
        }
        askPeers(hash.hashedRevision) { answers in
            let others = member.membership.members.map(\.id).filter { $0 != member.memberID }
            let peers = others.map { id in (id: id, answer: answers.first { $0.id == id }?.answer) }
            let verdict = CorruptionCheck.atCompaction(
                leader: member.memberID,
                hash,
                peers: peers
            )
            for suspect in verdict.suspects {
                self.loop.logger.error(
                    "a member had other data at a compaction; an alarm is raised",
                    metadata: ["member": "\(suspect)", "revision": "\(hash.hashedRevision)"]
                )
                member.raise(.corrupt, of: suspect)
            }
            self.loop.wake()
            guard verdict.isComplete else { return self.compare(hashes.dropLast()) }
            self.verifiedRevision = max(self.verifiedRevision, hash.hashedRevision)
            self.isCheckingCompactions = false
            self.loop.logger.info(
                "finished compaction hash check",
                metadata: ["revision": "\(hash.hashedRevision)", "members": "\(peers.count + 1)"]
            )
        }
    }

    // MARK: Before it serves

    /// The others whose data at this member's revision differ from its own. Those that do not
    /// answer, or have compacted otherwise, say nothing.
    func differingPeers() -> EventLoopFuture<[MemberID]> {
        let promise = loop.eventLoop.makePromise(of: [MemberID].self)
        let own: KeyspaceHash
        do throws(EtcdError) {
            own = try loop.member.keyspace.hashKV(at: 0)
        } catch {
            promise.fail(error)
            return promise.futureResult
        }
        askPeers(own.hashedRevision) { peers in
            self.loop.logger.info(
                "initial corruption check",
                metadata: ["revision": "\(own.hashedRevision)", "answers": "\(peers.count)"]
            )
            promise.succeed(CorruptionCheck.differing(from: own, peers: peers))
        }
        return promise.futureResult
    }

    // MARK: Asking

    /// Asks all others for the checksum of a revision; who does not answer is left out.
    private func askPeers(
        _ revision: Int64,
        _ done: @escaping ([(id: MemberID, answer: PeerHash)]) -> Void
    ) {
        let member = loop.member
        let others = member.membership.members.filter { $0.id != member.memberID }
        var answers: [(id: MemberID, answer: PeerHash)] = []
        var missing = others.count
        guard missing > 0 else { return done([]) }
        for other in others {
            ask(other, revision) { answer in
                if let answer { answers.append((other.id, answer)) }
                missing -= 1
                if missing == 0 { done(answers.sorted { $0.id < $1.id }) }
            }
        }
    }

    private func ask(
        _ member: MemberInfo,
        _ revision: Int64,
        _ done: @escaping (PeerHash?) -> Void
    ) {
        guard let place = PeerAddresses(urls: member.peerURLs).current else { return done(nil) }
        let configuration = loop.member.configuration
        let timeout = configuration.requestTimeoutTicks * configuration.tickMilliseconds
        var headers = loop.transport.identity.headers()
        headers.add(name: "Content-Type", value: "application/json")
        let request = PeerRequest(
            path: PeerQuestions.hashPath,
            headers: headers,
            body: PeerHash.question(revision),
            timeout: .milliseconds(Int64(timeout))
        )
        loop.transport.client.ask(request, at: place) { result in
            var reason: String
            switch result {
            case .success(let answer) where answer.status == .ok:
                do {
                    return done(try PeerHash(json: answer.body))
                } catch {
                    reason = "\(error)"
                }
            case .success(let answer):
                reason = "\(answer.status.code) \(String(decoding: answer.body, as: UTF8.self))"
            case .failure(let error): reason = "\(error)"
            }
            self.loop.logger.warning(
                "a member gave no checksum",
                metadata: ["member": "\(member.id)", "revision": "\(revision)", "why": "\(reason)"]
            )
            done(nil)
        }
    }
}

extension Result where Failure == EtcdError {
    fileprivate var error: EtcdError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
