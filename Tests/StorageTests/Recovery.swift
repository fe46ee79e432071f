import Raft
import Storage
import Testing

/// A start after a crash: opens the log, checks it against the model, goes on with it.
struct Recovery {
    private let disk: MemoryDisk
    /// What the log may hold; changes with what this start does.
    private(set) var model: LogModel
    /// The model as it was when the disk had begun so many changes.
    private var models: [(moment: Int, model: LogModel)] = []

    init(_ disk: MemoryDisk, _ model: LogModel) {
        self.disk = disk
        self.model = model
    }

    /// The log is there unless its making was not acknowledged; it holds what was acknowledged,
    /// and of the rest the first of it; it goes on; and it opens again.
    func check(_ when: @autoclosure () -> String) throws {
        var recovery = self
        do {
            try recovery.run(when)
        } catch {
            Issue.record(error, "\(when())")
        }
    }

    /// The same, and the power may fail again at each of its changes, in each way that `grain`
    /// tells apart. Returns how often it did.
    func checkWithSecondCrash(
        _ grain: MemoryDisk.Grain,
        _ when: @autoclosure () -> String
    ) throws -> Int {
        var recovery = self
        disk.recordMoments()
        do {
            try recovery.run(when)
        } catch {
            Issue.record(error, "\(when())")
            return 0
        }
        var crashes = 0
        for (number, moment) in disk.moments.enumerated() {
            let model = recovery.models.last { $0.moment <= number }?.model ?? self.model
            try moment.forEachPowerLoss(grain) { after, loss in
                crashes += 1
                try Recovery(after, model).check("\(when()); then before change \(number), \(loss)")
            }
        }
        return crashes
    }

    private mutating func run(_ when: () -> String) throws {
        guard try WAL.exists(on: disk, directory: walDirectory) else {
            if model.isMade { Issue.record("the log is gone: \(when())") }
            let wal = try makeWAL(on: disk)
            note { $0.acknowledge() }
            wal.close()
            return
        }
        let (wal, contents) = try openWAL(on: disk)
        if !model.mayBeFound().contains(contents.image) {
            Issue.record("found \(contents.image.testKey): \(when())")
        }
        note { $0 = LogModel(contents) }
        let more = LogBatch(
            entries: [entry(contents.lastIndex.rawValue + 1, term: 99, [1, 2, 3])],
            hardState: HardState(term: Term(rawValue: 99), commit: contents.hardState.commit)
        )
        note { $0.add(more) }
        try wal.append(more.entries, hardState: more.hardState)
        try wal.sync()
        note { $0.acknowledge() }
        wal.close()
        let again = try openWAL(on: disk.afterPowerLoss(seed: 1, tear: .nothing)).1
        if again.tornTail != nil || model.mayBeFound() != [again.image] {
            Issue.record("opened again: \(again.image.testKey): \(when())")
        }
    }

    private mutating func note(_ change: (inout LogModel) -> Void) {
        change(&model)
        models.append((disk.momentCount, model))
    }
}
