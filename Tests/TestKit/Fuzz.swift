#if canImport(Glibc)
import Glibc
#endif

/// How the fuzz tests run: a case for each of two fixed seeds, and one for a fresh seed, which is
/// printed when it begins, so that it is known even when the process does not survive it.
///
///     swift test --filter FuzzTests                   a few seconds for all of them
///     FUZZ_SECONDS=60 swift test --filter FuzzTests   a minute for each case
///     SEED=123 swift test --filter WALFuzzTests       what the case of that seed did
package enum Fuzz {
    /// Fixed seeds and a fresh one; only the one of the environment variable `SEED` when it is set.
    package static let seeds: [Seed] = {
        let fixed = Seed.batch(2)
        guard environment("SEED") == nil else { return fixed }
        var system = SystemRandomNumberGenerator()
        let fresh = Seed(system.next() >> 24)
        say("the fresh seed of this process's fuzz tests: SEED=\(fresh.value)\n")
        return fixed + [fresh]
    }()

    /// Calls `body` so many times; when `FUZZ_SECONDS` is set, on until they are over. All that it
    /// draws follows from the seed.
    package static func run(
        _ seed: Seed,
        rounds: Int,
        _ body: (inout Generator) throws -> Void
    ) rethrows {
        var generator = seed.generator()
        let end = deadline
        var round = 0
        while round < rounds || (end != nil && seconds(of: CLOCK_MONOTONIC) < end ?? 0) {
            try body(&generator)
            round += 1
        }
    }

    /// The same for a body that waits.
    package static func run(
        _ seed: Seed,
        rounds: Int,
        _ body: (inout Generator) async throws -> Void
    ) async rethrows {
        var generator = seed.generator()
        let end = deadline
        var round = 0
        while round < rounds || (end != nil && seconds(of: CLOCK_MONOTONIC) < end ?? 0) {
            try await body(&generator)
            round += 1
        }
    }

    /// Seconds that the processor has worked for this thread: what a bound of time is measured
    /// with, so that a busy machine fails no test.
    package static func threadSeconds() -> Double {
        seconds(of: CLOCK_THREAD_CPUTIME_ID)
    }

    private static func seconds(of clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Bytes of memory that the process holds now (resident set).
    package static func residentBytes() throws -> Int {
        let fields = String(decoding: try readFile("/proc/self/statm"), as: UTF8.self)
            .split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
    }

    private static var deadline: Double? {
        environment("FUZZ_SECONDS").flatMap(Double.init).map { seconds(of: CLOCK_MONOTONIC) + $0 }
    }

    /// At once, past any buffer.
    private static func say(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe write(2, buffer.baseAddress, buffer.count)
        }
    }
}
