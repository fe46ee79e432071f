import Foundation
import TestKit
import Testing

/// `etcdctl` of each release prints the same with etcd-member behind it as with the etcd of its
/// release, whatever it is told to do.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct EtcdctlTests {
    private static func contender(_ release: EtcdRelease) -> Contender {
        release == .v3_4 ? .v3_4 : .v3_5
    }

    @Test(arguments: EtcdRelease.allCases)
    func `every command prints the same`(release: EtcdRelease) async throws {
        try require(release.testDescription, isThere: release.isInstalled)
        let lines = EtcdctlCommands.all
        async let theirs = transcripts(of: lines, release, Self.contender(release))
        async let ours = transcripts(of: lines, release, .ours)
        let (expected, found) = (try await theirs, try await ours)
        try #require(expected.count == lines.count && found.count == lines.count)
        for (number, line) in lines.enumerated() {
            if release == .v3_4, EtcdctlCommands.newer.contains(line) { continue }
            #expect(found[number] == expected[number], "\(line)")
        }
    }

    private func transcripts(
        of lines: [String],
        _ release: EtcdRelease,
        _ contender: Contender
    ) async throws -> [String] {
        let server = try await LoneServer(contender)
        let session = EtcdctlSession(release: release, server: server)
        let transcripts = try await session.perform(lines)
        try await server.stop()
        return transcripts
    }

    @Test(arguments: EtcdRelease.allCases)
    func `what is not served yet is refused in words`(release: EtcdRelease) async throws {
        try require(release.testDescription, isThere: release.isInstalled)
        let lines = EtcdctlCommands.notYet.filter {
            release == .v3_5 || !EtcdctlCommands.newer.contains($0.line)
        }
        let transcripts = try await transcripts(of: lines.map(\.line), release, .ours)
        for ((line, words), transcript) in zip(lines, transcripts) {
            #expect(transcript.contains(words), "\(line)")
            #expect(!transcript.hasSuffix("exit 0\n"), "\(line)")
        }
    }

    @Test(arguments: EtcdRelease.allCases)
    func `no command is forgotten`(release: EtcdRelease) async throws {
        let help = try await Program.run(
            try release.tool("etcdctl"),
            ["help"],
            environment: ["ETCDCTL_API": "3"]
        )
        let list = help.output.components(separatedBy: "COMMANDS:").last?
            .components(separatedBy: "OPTIONS:").first
        // A tab, the command, and behind tabs what it does.
        let commands = (list ?? "").split(separator: "\n").compactMap {
            $0.split(separator: "\t").first.map(String.init)
        }
        #expect(commands.count > 40)
        let lines = EtcdctlCommands.all + EtcdctlCommands.notYet.map(\.line) + Self.mirrors
        for command in commands where !EtcdctlCommands.local.contains(command) {
            let isThere = lines.contains { $0.contains("etcdctl \(command)") }
            #expect(isThere, "etcdctl \(command) is not in the table")
        }
    }

    // MARK: Mirrors

    /// From one kind of server to the other.
    @Test(arguments: EtcdRelease.allCases, [true, false])
    func `make-mirror copies from one kind to the other`(
        release: EtcdRelease,
        fromOurs: Bool
    ) async throws {
        try require(release.testDescription, isThere: release.isInstalled)
        let theirs = try await LoneServer(Self.contender(release))
        let ours = try await LoneServer(.ours)
        let (source, target) = fromOurs ? (ours, theirs) : (theirs, ours)
        let session = EtcdctlSession(release: release, server: source, other: target.client)
        let transcripts = try await session.perform(Self.mirrors)
        #expect(transcripts.last == Self.mirrored, "\(transcripts)")
        try await theirs.stop()
        try await ours.stop()
    }

    private static let mirrors = [
        "for n in 1 2 3; do etcdctl put m/$n $n; done; etcdctl put other x",
        "there() { $TOOL --endpoints=$OTHER get '' --prefix; }",
        "etcdctl make-mirror --prefix=m/ --dest-prefix=d/ $OTHER & one=$!",
        "etcdctl make-mirror --prefix=m/ --no-dest-prefix $OTHER & two=$!",
        "etcdctl make-mirror --prefix=m/ $OTHER & three=$!",
        "until_same 'there | grep -c .' 'echo 18'",
        "etcdctl put m/4 four; etcdctl del m/1; etcdctl put m/2 zwei",
        "until_same 'there | grep -c four' 'echo 3'; until_same 'there | grep -c zwei' 'echo 3'",
        "kill $one $two $three; wait",
        "there",
    ]

    private static let mirrored =
        ["", "d/", "m/"].map { "\($0)2\nzwei\n\($0)3\n3\n\($0)4\nfour\n" }.joined() + "exit 0\n"
}
