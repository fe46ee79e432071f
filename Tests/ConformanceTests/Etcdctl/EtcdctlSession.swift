import EtcdProto
import Foundation
import TestKit

/// Command lines with `etcdctl` in them, given to a shell one after the other, and what each led
/// to: its outputs and its exit status, without what must differ between two servers.
struct EtcdctlSession {
    let release: EtcdRelease
    let server: LoneServer
    /// Of another server, `$OTHER` in the command lines; `$TOOL` is `etcdctl` of no server.
    var other = ""

    /// What the lines may use besides `etcdctl`: `first N COMMAND` ends a command that goes on for
    /// ever after its first N lines, `until_same A B` waits for two commands to print the same.
    private static let prelude = """
        export PATH="$PWD:$PATH" ETCDCTL_API=3
        first() {
            local count=$1; shift
            : >out
            "$@" >out 2>&1 &
            local pid=$!
            until [ "$(wc -l <out)" -ge "$count" ]; do
                kill -0 $pid 2>/dev/null || break
                sleep 0.02
            done
            kill $pid 2>/dev/null
            wait $pid 2>/dev/null
            head -n "$count" out
        }
        until_same() {
            until [ "$(eval "$1")" = "$(eval "$2")" ]; do sleep 0.02; done
        }

        """

    private static let mark = "=== step "

    /// The transcript of each command line.
    func perform(_ lines: [String]) async throws -> [String] {
        let folder = try TemporaryDirectory("etcdctl")
        defer { folder.remove() }
        let tool = try release.tool("etcdctl")
        try write(
            "#!/bin/sh\nexec \(tool) --endpoints=\(server.client) \"$@\"\n",
            to: "\(folder.path)/etcdctl"
        )
        var script = Self.prelude
        for (number, line) in lines.enumerated() {
            script += "echo '\(Self.mark)\(number)'\n\(line)\necho \"exit $?\"\n"
        }
        try write(script, to: "\(folder.path)/script")
        let outcome = try await Program.run(
            "/bin/bash",
            ["-c", "exec bash ./script 2>&1"],
            environment: ["OTHER": other, "TOOL": tool],
            directory: folder.path,
            within: .seconds(120)
        )
        let parts = outcome.output.components(separatedBy: Self.mark).dropFirst()
        return parts.map { part in
            let text = part.drop { $0 != "\n" }.dropFirst()
            return masked(String(text), folder: folder.path)
        }
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700],
            ofItemAtPath: path
        )
    }

    /// Takes out addresses, ids, times, sizes and versions.
    private func masked(_ text: String, folder: String) -> String {
        var names = [(server.client, "CLIENT"), (server.peer, "PEER"), (folder, "FOLDER")]
        names.append((String(server.client.dropFirst(7)), "CLIENT"))
        for (id, name) in [
            (server.header.memberID, "MEMBER"), (server.header.clusterID, "CLUSTER"),
        ] {
            names += [("\(id)", name), (String(id, radix: 16), name)]
        }
        var text = text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("{\"level\"") }
            .joined(separator: "\n")
        for (found, name) in names { text = text.replacing(found, with: name) }
        return
            text
            .replacing(#/\b([0-9a-f]{12,16}|[0-9]{12,})\b/#, with: "ID")
            // Printed to a width of 16.
            .replacing(#/(Member|member|lease|cluster) +(ID|CLUSTER)/#) { "\($0.1) \($0.2)" }
            .replacing(#/\b3\.[4-6]\.[0-9]+\b/#, with: "VERSION")
            .replacing(#/remaining\([0-9]+s\)/#, with: "remaining(#)")
            .replacing(#/"(ttl|TTL)"(:| : )[0-9]+/#) { "\"\($0.1)\"\($0.2)#" }
            .replacing(#/(?i)"(db_?size[a-z]*|raft_?[a-z]+)"(:| : )[0-9]+/#) {
                "\"\($0.1)\"\($0.2)#"
            }
            .replacing(#/"(totalSize|totalKey)":[0-9]+/#) { "\"\($0.1)\":#" }
            .replacing(#/took = .*|"took":"[^"]*"/#, with: "took #")
            .replacing(#/[0-9.]+ [kM]B/#, with: "SIZE")
    }
}
