package import Keyspace
import Raft

extension Member {
    /// Calls back when a read of this member's state sees all that was acknowledged to anybody
    /// before this call; with an error when that could not be found out in time.
    package func read(
        timeoutTicks: Int? = nil,
        _ reply: @escaping (EtcdError?) -> Void
    ) {
        let timeout = max(1, timeoutTicks ?? configuration.requestTimeoutTicks)
        reads.add(ReadRounds.Reader(deadline: now + timeout, reply: reply))
        hasNewWork = true
    }

    /// Asks the leader on behalf of all who wait, once the question of before is answered.
    func beginReadRound() {
        guard reads.isDue, canAskForReadIndex else { return }
        var context: [UInt8] = []
        context.append(bigEndian: requestIDs.next())
        reads.begin(context: context, at: now)
        raft.readIndex(context: context)
    }

    /// Without a leader the question would be dropped. A leader does not know what is committed
    /// before an entry of its own term is: with one voter Raft would answer all the same, and what
    /// a crash took from the commit index on disk would be missing from the answer.
    private var canAskForReadIndex: Bool {
        let status = raft.basicStatus
        if status.leader == .none { return false }
        guard status.role == .leader else { return true }
        return (try? log.term(at: status.commit)) == status.term
    }

    /// Asks again after half a second: the question or the answer may have been lost.
    func repeatReadRound() {
        let patience = configuration.ticks(milliseconds: 500)
        guard let context = reads.takeRepeat(at: now, after: patience) else { return }
        raft.readIndex(context: context)
    }

    /// Asks again because a new leader, which did not answer before, can do so now.
    func repeatReadRoundForNewTerm() {
        if let context = reads.question { raft.readIndex(context: context) }
    }

    func answerReads() {
        for reader in reads.takeReady(applied: appliedIndex) { reader.reply(nil) }
    }
}
