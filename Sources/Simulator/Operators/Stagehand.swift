/// Runs all asynchronous work of a world on the thread that drives it, in the order in which it
/// became ready: so that the operator's own tasks are as deterministic as everything else.
final class Stagehand: TaskExecutor, @unchecked Sendable {  // because one thread drives the world
    private var jobs: [UnownedJob] = []

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.append(UnownedJob(job))
    }

    /// Works until everybody waits for something that only time will bring.
    func drain() {
        while !jobs.isEmpty {
            let job = jobs.removeFirst()
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
