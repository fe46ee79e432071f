import ClusterAPI
import Operator
import TestKit
import Testing

/// Spec files that people mistype, and worse: accepted or refused with reasons, and what was
/// accepted is a cluster that holds to the rules. `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite struct SpecFuzzTests {
    private static let words: [String] = [
        "replicas: ", "3", "-1", "0", "9223372036854775807", "1e400", ".nan", "1Gi", "1m",
        "1000000000000000Ei", "0.000001n", "true", "null", "[]", "{}", "\"\"", "&a ", "*a",
        "schedule: ", "\"* * * * *\"", "\"@every 1ns\"", "storage:\n", "      ", "  ", "\n", ": ",
        "- ", "2026-02-30T25:61:61Z", "kind: EtcdCluster\n", "metadata:\n", "name: ", "spec:\n",
        "~/../..", "é", "https://[::1]:99999/",
    ]

    private static func samples() throws -> [[UInt8]] {
        let folder = repositoryRoot() + "/Manifests/samples"
        let files = try fileNames(in: folder).sorted().map { try readFile("\(folder)/\($0)") }
        let scripts = repositoryRoot() + "/Tests/ClusterAPITests/Testdata/decode"
        return try files
            + fileNames(in: scripts).sorted().map { try readFile("\(scripts)/\($0)") }
    }

    @Test(arguments: Fuzz.seeds) func `any file is accepted or refused`(seed: Seed) throws {
        let samples = try Self.samples()
        let mutation = Mutation(words: Self.words.map { Array($0.utf8) }, maxCount: 1 << 14)
        var (accepted, refused) = (0, 0)
        Fuzz.run(seed, rounds: 1500) { generator in
            let sample = generator.pick(samples)
            let bytes =
                generator.chance(0.7)
                ? mutation.apply(to: sample, mixing: generator.pick(samples), &generator)
                : linesChanged(sample, &generator)
            let before = Fuzz.threadSeconds()
            let file = SpecFile(path: "/specs/a.yaml", bytes: bytes)
            #expect(Fuzz.threadSeconds() - before < 2, "slow: \(bytes)")
            if file.errors.isEmpty { accepted += 1 } else { refused += 1 }
            #expect(file.errors.isEmpty || file.clusters.isEmpty)
            for cluster in file.clusters {
                if !(0...99).contains(cluster.spec.replicas) || cluster.metadata.name.isEmpty {
                    Issue.record("accepted: \(cluster)")
                }
            }
        }
        #expect(accepted > 50 && refused > 200)
    }

    /// Whole lines left out, repeated, swapped, or with another value.
    private func linesChanged(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        for _ in 0...generator.below(3) where !lines.isEmpty {
            let at = generator.below(lines.count)
            switch generator.below(4) {
            case 0: lines.remove(at: at)
            case 1: lines.insert(lines[at], at: at)
            case 2: lines.swapAt(at, generator.below(lines.count))
            default:
                let key = lines[at].prefix { $0 != UInt8(ascii: ":") }
                lines[at] = key + Array(": ".utf8) + Array(generator.pick(Self.words).utf8)
            }
        }
        return Array(lines.joined(separator: [0x0A]))
    }
}
