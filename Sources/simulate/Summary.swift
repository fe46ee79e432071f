import Foundation
import Simulator

/// What came of all seeds.
struct Summary {
    private let start = ContinuousClock.now
    private let first: UInt64
    private(set) var seeds = 0
    private var virtualMicros = 0
    private var operations = 0
    private var faults = FaultCounts()
    private var occasions = Counts<Occasion>()
    private(set) var violated: [Report] = []
    var finds: [Find] = []
    private var seconds = 0.0

    /// The faults that there are in the world, and what can come about in it.
    private let kinds: [Fault]
    private let chances: [Occasion]

    init(first: UInt64, _ kind: Options.Kind?) {
        self.first = first
        kinds = kind == .operators ? Fault.ofOperators : Fault.ofMembers
        chances = kind == .operators ? Occasion.ofOperators : Occasion.ofMembers
    }

    mutating func add(_ report: Report) {
        seeds += 1
        virtualMicros += report.virtualMicros
        operations += report.operations
        faults += report.faults
        occasions += report.occasions
        if report.violation != nil { violated.append(report) }
    }

    /// All seeds have been run.
    mutating func end() {
        seconds = elapsed
    }

    private var elapsed: Double {
        let time = (ContinuousClock.now - start).components
        return Double(time.seconds) + Double(time.attoseconds) / 1e18
    }

    private var virtualHours: Double { Double(virtualMicros) / 3.6e9 }

    /// One short line, while seeds run.
    func progress(of total: UInt64) -> String {
        let count = total == .max ? "\(seeds)" : "\(seeds) of \(total)"
        let rate = Double(seeds) / max(0.001, elapsed)
        return "\(count) seeds, \(Self.round(virtualHours)) virtual hours,"
            + " \(Self.round(rate)) seeds/s, \(violated.count) violations"
    }

    var text: String {
        let speed = Double(virtualMicros) / 1e6 / max(0.001, seconds)
        var lines = [
            "seeds       \(seeds), first \(first)",
            "time        \(Self.round(virtualHours)) virtual hours in \(Self.round(seconds)) s,"
                + " \(Int(speed)) times as fast as real time",
            "operations  \(operations)",
        ]
        lines.append("violations  \(violated.count)")
        lines += violated.prefix(100).map { report in
            "  seed \(report.seed): \(report.violation.map { "\($0)" } ?? "")"
        }
        lines += ["", "faults injected"]
        lines += Self.table(kinds.map { ($0.rawValue, faults[$0]) })
        lines += ["", "what came about"]
        lines += Self.table(chances.map { ($0.rawValue, occasions[$0]) })
        return lines.joined(separator: "\n")
    }

    /// Names and right-aligned numbers.
    private static func table(_ rows: [(name: String, count: Int)]) -> [String] {
        let width = rows.map(\.name.count).max() ?? 0
        let digits = rows.map { "\($0.count)".count }.max() ?? 0
        return rows.map { row in
            let name = row.name + String(repeating: " ", count: width - row.name.count)
            let gap = String(repeating: " ", count: digits - "\(row.count)".count)
            return "  " + name + "  " + gap + "\(row.count)"
        }
    }

    private static func round(_ number: Double) -> String {
        "\((number * 100).rounded() / 100)"
    }

    // MARK: JSON

    private struct Document: Encodable {
        struct Violation: Encodable {
            let seed: UInt64
            let checker: String
            let text: String
            let replay: String
        }
        let first: UInt64
        let seeds: Int
        let virtualHours: Double
        let seconds: Double
        let operations: Int
        let faults: [String: Int]
        let occasions: [String: Int]
        let violations: [Violation]
    }

    var json: String {
        let document = Document(
            first: first,
            seeds: seeds,
            virtualHours: virtualHours,
            seconds: seconds,
            operations: operations,
            faults: Dictionary(
                uniqueKeysWithValues: kinds.map { ($0.rawValue, faults[$0]) }
            ),
            occasions: Dictionary(
                uniqueKeysWithValues: chances.map { ($0.rawValue, occasions[$0]) }
            ),
            violations: finds.map { find in
                Document.Violation(
                    seed: find.report.seed,
                    checker: find.violation.checker,
                    text: find.violation.text,
                    replay: find.command
                )
            }
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(document) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
