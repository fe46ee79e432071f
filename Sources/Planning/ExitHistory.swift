/// The recent exits of a member, and how long its next start has to wait.
///
/// The first restart comes at once, so that a killed member is back within a second; a member
/// that keeps failing is started ever less often: 0.2 s, 0.4 s, 0.8 s ... 30 s. One whose port is
/// taken is tried every second: nothing of it runs before the port is free.
package struct ExitHistory: Hashable, Sendable {
    package struct Exit: Hashable, Sendable {
        package var cause: ExitCause
        /// On the monotonic clock.
        package var at: Duration
        /// Seen by the operator that was the process's parent, so that nothing can have run since.
        package var witnessed: Bool

        package init(cause: ExitCause, at: Duration, witnessed: Bool) {
            self.cause = cause
            self.at = at
            self.witnessed = witnessed
        }
    }

    package private(set) var last: Exit?
    /// The member served in the run that ended last.
    package private(set) var hadServed: Bool
    /// Exits in a row of which none followed a good run.
    package private(set) var streak: Int

    package init() {
        streak = 0
        hadServed = false
    }

    /// A run is good, and ends the streak, when the member served and did so for two seconds, or
    /// when it was ended on purpose.
    package mutating func record(_ exit: Exit, served: Bool, ranFor: Duration) {
        let isGood = served && ranFor >= .seconds(2) || exit.cause == .stopped
        streak = isGood ? 1 : streak + 1
        last = exit
        hadServed = served
    }

    /// It is started otherwise from now on, so that what was says little about what will be.
    package mutating func pardon() { streak = min(streak, 1) }

    /// How long after the last exit the next start may come.
    package var delay: Duration {
        guard streak > 1 else { return .zero }
        let bound: Duration = if case .portInUse = last?.cause { .seconds(1) } else { .seconds(30) }
        // 0.2 s doubled seven times is already near the bound.
        return min(bound, .milliseconds(200) * (1 << min(streak - 2, 8)))
    }

    /// When the next start may come, on the monotonic clock; nil: at once.
    package var notBefore: Duration? {
        last.map { $0.at + delay }
    }
}
