import Raft
import Storage
import Synchronization
import TestKit
import Testing

@Suite struct LogWriterTests {
    @Test func `batches are done in order and durable when they are done`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        let done = Mutex<[UInt64]>([])
        await withCheckedContinuation { continuation in
            for index: UInt64 in 1...200 {
                writer.submit(LogBatch(entries: entries(index...index))) { result in
                    let after = disk.afterPowerLoss(seed: index, tear: .nothing)
                    let found = try? WAL.read(on: after, directory: walDirectory)
                    let isDurable = (found?.entries.count ?? 0) >= index
                    if case .success = result, isDurable {
                        done.withLock { $0.append(index) }
                    }
                    if index == 200 { continuation.resume() }
                }
            }
        }
        #expect(done.withLock { $0 } == Array(1...200))
        #expect(disk.syncs < 200, "a group shares a sync")
        writer.stop()
    }

    @Test(arguments: [(-1.0, 2), (1000, 0)])
    func `each sync that takes longer than it should is told of`(above: Double, times: Int) throws {
        let told = Mutex<[Double]>([])
        let slow = LogWriter.SlowSync(above: above) { seconds in
            told.withLock { $0.append(seconds) }
        }
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test", slowSync: slow)
        for index: UInt64 in 1...2 {
            let isWritten = try writer.writeInline(LogBatch(entries: entries(index...index)))
            #expect(isWritten)
        }
        writer.stop()
        #expect(told.withLock { $0.count } == times)
    }

    @Test func `an idle writer writes inline and a busy one declines`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        #expect(writer.recentSyncSeconds == 0)
        #expect(try writer.writeInline(LogBatch(entries: entries(1...1))))
        #expect(writer.recentSyncSeconds > 0)
        let declined = await withCheckedContinuation { continuation in
            writer.submit(LogBatch(entries: entries(2...2))) { _ in
                let isWritten = try? writer.writeInline(LogBatch(entries: entries(3...3)))
                continuation.resume(returning: isWritten == false)
            }
        }
        #expect(declined)
        writer.stop()
        #expect(try openWAL(on: disk).1.entries == entries(1...2))
    }

    @Test func `stopping finishes what is queued and refuses what comes later`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        let done = Atomic(0)
        for index: UInt64 in 1...50 {
            writer.submit(LogBatch(entries: entries(index...index))) { result in
                if case .success = result { done.add(1, ordering: .relaxed) }
            }
        }
        writer.stop()
        writer.stop()
        #expect(done.load(ordering: .relaxed) == 50)
        let late = Mutex<Result<Void, WALError>?>(nil)
        writer.submit(LogBatch(entries: entries(51...51))) { result in
            late.withLock { $0 = result }
        }
        #expect(throws: WALError.stopped) { try late.withLock { try $0?.get() } }
        #expect(try !writer.writeInline(LogBatch()))
        #expect(try openWAL(on: disk).1.entries == entries(1...50))
    }

    @Test func `a batch that need not sync does not, and a marker does`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        _ = try writer.writeInline(
            LogBatch(entries: entries(1...20), hardState: state(commit: 0))
        )
        let before = disk.syncs
        _ = try writer.writeInline(LogBatch(hardState: state(commit: 9), mustSync: false))
        #expect(disk.syncs == before)
        _ = try writer.writeInline(LogBatch(marker: marker(8), mustSync: false))
        #expect(disk.syncs == before + 1)
        #expect(
            try openWAL(on: disk.afterPowerLoss(seed: 1, tear: .nothing)).1.marker == marker(8)
        )
        writer.stop()
    }

    @Test func `a failed sync fails its batches and all later ones`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        disk.failSync()
        #expect(throws: WALError.self) {
            try writer.writeInline(LogBatch(entries: entries(1...1)))
        }
        let failed = await withCheckedContinuation { continuation in
            writer.submit(LogBatch(entries: entries(2...2))) { result in
                if case .failure(.poisoned) = result {
                    continuation.resume(returning: true)
                } else {
                    continuation.resume(returning: false)
                }
            }
        }
        #expect(failed)
        writer.stop()
    }

    @Test func `segments are released on the log's thread`() async throws {
        let disk = MemoryDisk()
        let writer = LogWriter(wal: try makeWAL(on: disk), name: "test")
        for index: UInt64 in 1...150 {
            _ = try writer.writeInline(
                LogBatch(entries: entries(index...index), hardState: state(commit: index))
            )
        }
        let before = try segmentFiles(on: disk).count
        writer.submit(LogBatch(marker: marker(120))) { _ in }
        try await withCheckedThrowingContinuation { continuation in
            writer.release(before: LogIndex(rawValue: 120)) { continuation.resume(with: $0) }
        }
        #expect(try segmentFiles(on: disk).count < before)
        writer.stop()
        #expect(try openWAL(on: disk).1.entries == entries(121...150))
    }

    @Test func `on a real disk a log of several segments is written and read`() async throws {
        let directory = try TemporaryDirectory("storage-writer")
        defer { directory.remove() }
        let wal = try WAL.create(
            on: FileDisk(),
            directory: directory.path + "/member/wal",
            metadata: [1],
            segmentSize: 1 << 20
        )
        let writer = LogWriter(wal: wal, name: "test")
        let failures = Atomic(0)
        for index: UInt64 in 1...400 {
            let batch = LogBatch(
                entries: entries(index...index, bytes: 10_000),
                hardState: state(commit: index - 1)
            )
            if index % 10 == 0 {
                await withCheckedContinuation { continuation in
                    writer.submit(batch) { _ in continuation.resume() }
                }
            } else {
                writer.submit(batch) { result in
                    if case .failure = result { failures.add(1, ordering: .relaxed) }
                }
            }
        }
        writer.stop()
        #expect(failures.load(ordering: .relaxed) == 0)
        let (reopened, contents) = try WAL.open(
            on: FileDisk(),
            directory: directory.path + "/member/wal"
        )
        reopened.close()
        #expect(contents.entries == entries(1...400, bytes: 10_000))
        #expect(contents.tornTail == nil)
        let files = try FileDisk().list(directory.path + "/member/wal")
        #expect(files.filter { $0.hasSuffix(".wal") }.count > 3)
    }
}
