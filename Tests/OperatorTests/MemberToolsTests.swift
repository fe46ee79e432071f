import Foundation
import Operator
import Planning
import Storage
import TestKit
import Testing

/// Tools are processes: what is made of how they end and of what they say.
@Suite(.timeLimit(.minutes(1))) struct MemberToolsTests {
    /// A script in the place of `etcd-member`.
    private struct ScriptProgram: ProgramStore {
        let embeddedPath: String

        func pin(_ source: String) throws(OperatorError) -> MemberProgram.Pinned {
            try FakePrograms().pin(source)
        }

        func path(of pinned: MemberProgram.Pinned, from source: String) throws(OperatorError)
            -> String
        {
            embeddedPath
        }
    }

    /// What a salvage by a tool that does this gives: a revision, or the code of the error and its
    /// text.
    private func salvage(by script: String) async throws -> String {
        let folder = try TemporaryDirectory("tools")
        defer { folder.remove() }
        let path = folder.path + "/etcd-member"
        try FileDisk().replace(path, with: Array("#!/bin/sh\n\(script)\n".utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        let tools = MemberTools(
            events: try FileEvents(),
            programs: ScriptProgram(embeddedPath: path),
            members: SilentMembers(),
            disk: FileDisk()
        )
        let copy = SurvivorCopy(
            folder: folder.path,
            data: folder.path + "/data",
            name: "orders-0",
            etcd: nil
        )
        do throws(OperatorError) {
            return "\(try await tools.salvage(copy).revision)"
        } catch {
            return "\(error.code): \(error.what)"
        }
    }

    @Test func `the last line of a tool is its answer, however much it has said before`()
        async throws
    {
        let talk = "head -c 3000000 /dev/zero | tr '\\0' 'x'; echo"
        #expect(try await salvage(by: "\(talk); echo '{\"revision\": 7}'") == "7")
    }

    @Test func `damaged data is told from every other failure of a tool`() async throws {
        let damaged = try await salvage(by: "echo 'page 7 is torn'; exit 65")
        #expect(damaged.hasPrefix("damaged: ") && damaged.hasSuffix("failed: page 7 is torn"))
        for end in ["exit 1", "exit 74", "kill -9 $$"] {
            let other = try await salvage(by: "echo 'no'; \(end)")
            #expect(other.hasPrefix("process: ") && other.hasSuffix("failed: no"), "\(other)")
        }
        #expect(try await salvage(by: "true").hasPrefix("process: salvage told nothing"))
    }
}
