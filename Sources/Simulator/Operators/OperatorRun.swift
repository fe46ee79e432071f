import Operator
import Planning
import Storage

/// One run of the operator's process: what it knows, and how it ends. When it is dead, nothing
/// that its tasks still do has any effect.
final class OperatorRun: @unchecked Sendable {  // because one thread drives the world
    let number: Int
    private(set) var isDead = false
    /// Processes that it holds, by their data directories.
    var held: [String: Int32] = [:]
    var ended: [String: [EndedProcess]] = [:]
    /// Ids of members that said they serve when they were asked last.
    var said: Set<String> = []
    /// Where nobody said so: ids of members whose port was within reach and that said nothing.
    var silent: Set<UInt64> = []
    /// Ids of the voters, as the members listed them then; empty when none did.
    var voters: Set<UInt64> = []
    /// Members that were taken away in the present pass.
    var disruptions = 0
    /// Who tells what its worker does.
    var progress: AsyncStream<Progress>.Continuation?
    var catalog = SpecCatalog()
    var lock: StateLock?
    var worker: ClusterWorker?
    /// So many changes of the disk until it dies in the next.
    var changesLeft: Int?
    /// Who waits for the next pass.
    private var sleeper: CheckedContinuation<Void, Never>?
    private var isRung = false
    private var naps = 0

    init(number: Int) { self.number = number }

    func die() {
        isDead = true
        lock?.release()
        lock = nil
        progress?.finish()
        ring()
    }

    /// Something happened that the next pass should not wait for.
    func ring() {
        guard let sleeper else {
            isRung = true
            return
        }
        self.sleeper = nil
        sleeper.resume()
    }

    func sleep(_ micros: Int, on stage: Stage) async {
        if isRung || isDead {
            isRung = false
            return
        }
        naps += 1
        let nap = naps
        await withCheckedContinuation { continuation in
            sleeper = continuation
            stage.plan(in: micros) { [weak self] in
                if let self, self.naps == nap { self.ring() }
            }
        }
        isRung = false
    }
}
