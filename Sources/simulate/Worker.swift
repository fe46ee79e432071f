import Chance
import Foundation
import Simulator

/// Runs seeds one after the other and tells of each on standard output:
///
///     begin 12            a seed begins; if nothing follows, it ended the process
///     story   0.1  n1 ... a line of its short story, if that is wanted
///     end 12 8846 ...     its report, see `Report.line`
struct Worker {
    private let overrides: Overrides
    private let tellsStory: Bool

    init(_ overrides: Overrides, tellsStory: Bool) {
        self.overrides = overrides
        self.tellsStory = tellsStory
    }

    func run(first: UInt64, count: UInt64) {
        var seed = first
        for _ in 0..<count {
            tell("begin \(seed)")
            let trace = Trace(tellsStory ? .highlights : .nothing) { tell("story \($0)") }
            let report = Simulation.run(Seed(seed), overrides, trace: trace)
            tell("end \(report.line)")
            seed &+= 1
        }
    }

    private func tell(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
