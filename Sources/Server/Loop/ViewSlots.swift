import NIOCore

/// How many views of the backend are open at a time for jobs that read all of it: each holds on to
/// the space of what is deleted meanwhile, and LMDB has 126 places for readers. Who finds none free
/// waits in line.
final class ViewSlots {
    private var free = 4
    private var line = CircularBuffer<() -> Void>()
    private static let longestLine = 1_000

    /// Runs `job`, now or later; it must `release` in the end. False when the line is too long.
    func take(_ job: @escaping () -> Void) -> Bool {
        guard free == 0 else {
            free -= 1
            job()
            return true
        }
        guard line.count < Self.longestLine else { return false }
        line.append(job)
        return true
    }

    func release() {
        if let next = line.popFirst() { next() } else { free += 1 }
    }
}
