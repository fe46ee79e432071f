import Foundation
import Simulator
import TestKit
import Testing

/// The program `simulate`: it runs seeds in processes of their own, so a broken invariant is a find
/// and not the end of the tests.
struct SimulateProgram {
    struct Summary: Decodable {
        struct Violation: Decodable {
            let seed: UInt64
            let checker: String
            let text: String
            let replay: String
        }
        let seeds: Int
        let virtualHours: Double
        let seconds: Double
        let faults: [String: Int]
        let occasions: [String: Int]
        let violations: [Violation]
    }

    let status: Int32
    let summary: Summary

    /// What a process tells of the seeds that it was given, digests and all.
    static func reports(_ arguments: [String]) async throws -> [Report] {
        let outcome = try await Program.run(path, arguments, within: .seconds(120))
        return outcome.output.split(separator: "\n").compactMap { line in
            line.hasPrefix("end ") ? Report(line: line.dropFirst("end ".count)) : nil
        }
    }

    static var path: String { "\(repositoryRoot())/.build/release/simulate" }

    static func run(_ arguments: [String]) async throws -> SimulateProgram {
        let outcome = try await Program.run(
            path,
            arguments + ["-o", "json"],
            within: .seconds(240)
        )
        let data = Data(outcome.output.utf8)
        let summary = try #require(
            try? JSONDecoder().decode(Summary.self, from: data),
            "\(outcome.output) \(outcome.errors)"
        )
        return SimulateProgram(status: outcome.status, summary: summary)
    }
}
