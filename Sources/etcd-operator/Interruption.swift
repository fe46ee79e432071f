import Dispatch
import Glibc

/// The signals that ask the program to end, as something to wait for in place of their sudden
/// effect.
///
/// Only the first is held back: a second one ends the program at once, as an impatient user wants.
struct Interruption: Sendable {
    private let signals: AsyncStream<Int32>

    /// From here on SIGINT, SIGTERM and SIGHUP no longer kill the program. A signal that it was
    /// started to ignore, as `nohup` does with SIGHUP, stays ignored.
    init() {
        let (signals, continuation) = AsyncStream.makeStream(
            of: Int32.self,
            bufferingPolicy: .bufferingOldest(1)
        )
        self.signals = signals
        let numbers = [SIGINT, SIGTERM, SIGHUP].filter { !Interruption.isIgnored($0) }
        for number in numbers {
            // Dispatch sees a signal also when it is ignored, and then nothing else does.
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                for number in numbers { _ = signal(number, SIG_DFL) }
                continuation.yield(number)
                // The handler keeps its source alive, for as long as the program runs.
                withExtendedLifetime(source) {}
            }
            source.resume()
        }
    }

    /// Returns when the first signal has come, or when the task is cancelled.
    func first() async {
        for await _ in signals { return }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        let handler = unsafe action.__sigaction_handler.sa_handler
        return unsafe unsafeBitCast(handler, to: Int.self) == 1
    }
}
