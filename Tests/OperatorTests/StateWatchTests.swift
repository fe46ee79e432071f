import ClusterAPI
import Operator
import Storage
import TestKit
import Testing

@Suite struct StateWatchTests {
    @Test(.timeLimit(.minutes(1)))
    func `a change of a file, and with writes also a log that grows, wakes the waiter`()
        async throws
    {
        let folder = try TemporaryDirectory("watch")
        defer { folder.remove() }
        let disk = FileDisk()
        let watch = try StateWatch()
        watch.add([folder.path], writes: true)
        let start = ContinuousClock.now
        try disk.replace(folder.path + "/status.json", with: [1])
        await watch.wait()
        let log = try disk.open(folder.path + "/log", .create)
        await watch.wait()
        for number in 0..<20 {
            try log.write([UInt8(number)], at: Int64(number))
            await watch.wait()
        }
        // Without being told it would return after five seconds each.
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test(.timeLimit(.minutes(1)))
    func `its end wakes the waiter and every later one`() async throws {
        let watch = try StateWatch()
        #expect(!watch.hasEnded)
        let start = ContinuousClock.now
        async let waiting: Void = watch.wait()
        watch.end()
        await waiting
        for _ in 0..<10 { await watch.wait() }
        #expect(watch.hasEnded)
        #expect(ContinuousClock.now - start < .seconds(4))
    }
}

@Suite struct LogTimeTests {
    @Test(arguments: [
        "2026-11-22T10:15:00.125Z info ready to serve client requests",
        "{\"level\":\"info\",\"ts\":\"2026-11-22T10:15:00.125Z\",\"msg\":\"ready\"}",
        "{\"level\":\"info\",\"ts\":\"2026-11-22T11:15:00.125+0100\",\"caller\":\"x.go:1\"}",
        "{\"level\":\"info\",\"ts\":\"2026-11-22T04:45:00.125-05:30\"}",
    ])
    func `the time of a line is read`(line: String) {
        let time = Timestamp(logLine: Array(line.utf8))
        #expect(time?.description == "2026-11-22T10:15:00.125Z")
    }

    @Test func `a time without its zone is local`() throws {
        // Whatever the zone is, it is whole quarters of an hour away from Greenwich.
        let line = Array("2026-11-22 10:15:00.125103 I | etcdserver: ready".utf8)
        let time = try #require(Timestamp(logLine: line))
        let greenwich = try #require(Timestamp("2026-11-22T10:15:00.125103Z"))
        #expect(time.nanoseconds == greenwich.nanoseconds)
        #expect((time.seconds - greenwich.seconds).isMultiple(of: 900))
        #expect(abs(time.seconds - greenwich.seconds) <= 14 * 3600)
    }

    @Test(arguments: [
        "", "panic: no", "goroutine 1 [running]:", "{\"ts\":1606040100.5}",
        "2026-13-01T00:00:00Z x",
        "{\"ts\":\"", "2026-11-22", "2026-11-22T", "20261122 10:15:00",
    ])
    func `a line that does not say it has none`(line: String) {
        #expect(Timestamp(logLine: Array(line.utf8)) == nil)
    }

    @Test func `any bytes are a line`() {
        var generator = Seed(7).generator()
        let sample = Array("{\"level\":\"info\",\"ts\":\"2026-11-22T11:15:00.125+0100\"".utf8)
        for _ in 0..<2000 {
            let line = Mutation().apply(to: sample, &generator)
            let time = Timestamp(logLine: line)
            #expect(time.map { $0.nanoseconds >= 0 } ?? true)
        }
    }
}
