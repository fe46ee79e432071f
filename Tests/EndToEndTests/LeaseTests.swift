import Foundation
import TestKit
import Testing

extension EndToEndTests {
    /// Leases with real clients, and in clusters together with real etcd.
    @Suite(.timeLimit(.minutes(5))) struct LeaseTests {
        @Test(arguments: EtcdRelease.allCases)
        func `etcdctl says the same about leases of both`(release: EtcdRelease) async throws {
            let theirs = try release.tool("etcd")
            let ours = "\(builtPrograms())/etcd-member"
            let control = try release.tool("etcdctl")
            async let expected = Member.with([theirs]) { members in
                try await Self.session(control, members[0].client)
            }
            async let transcript = Member.with([ours]) { members in
                try await Self.session(control, members[0].client)
            }
            #expect(try await transcript == expected)
            #expect(try await expected.contains("attached keys([k k2])"))
        }

        /// What `etcdctl` prints to a series of commands, without what must differ.
        private static func session(_ control: String, _ endpoint: String) async throws -> String {
            var text = ""
            func run(_ arguments: String...) async throws -> String {
                let outcome = try await Program.run(
                    control,
                    ["--endpoints=\(endpoint)"] + arguments,
                    environment: ["ETCDCTL_API": "3"]
                )
                text += "$ \(arguments.joined(separator: " "))\nexit \(outcome.status)\n"
                text += outcome.output + outcome.errors
                return outcome.output
            }
            let lease = try await Self.grant(run("lease", "grant", "600"))
            _ = try await run("lease", "grant", "9000000001")
            _ = try await run("lease", "grant", "60", "-w", "json")
            _ = try await run("lease", "grant", "60", "-w", "fields")
            _ = try await run("put", "k", "v", "--lease=\(lease)")
            _ = try await run("put", "k2", "v", "--lease=\(lease)")
            _ = try await run("put", "k3", "v", "--lease=1234")
            _ = try await run("get", "k", "-w", "fields")
            // Their order is none, so one at a time is looked at in the other forms.
            _ = try await run("lease", "timetolive", lease)
            let keys = try await run("lease", "timetolive", lease, "--keys")
            if keys.contains("k2 k") { text = text.replacing("[k2 k]", with: "[k k2]") }
            _ = try await run("put", "k2", "v", "--ignore-lease")
            _ = try await run("put", "k2", "v")
            for form in ["simple", "json", "fields"] {
                _ = try await run("lease", "timetolive", lease, "--keys", "-w", form)
            }
            _ = try await run("lease", "timetolive", "1234", "--keys")
            _ = try await run("lease", "list")
            _ = try await run("lease", "grant", "0")
            _ = try await run("lease", "keep-alive", "--once", lease)
            _ = try await run("lease", "keep-alive", "--once", "1234")
            _ = try await run("lease", "keep-alive", "1234")
            _ = try await run("lease", "revoke", lease)
            _ = try await run("lease", "revoke", lease)
            _ = try await run("lease", "timetolive", lease)
            _ = try await run("get", "k")
            _ = try await run("get", "k2")
            let short = try await Self.grant(run("lease", "grant", "3"))
            _ = try await run("put", "short", "v", "--lease=\(short)")
            text += try await Self.keptAlive(control, endpoint, short)
            _ = try await run("get", "short")
            try await eventually("the lease ends") {
                let outcome = try await Program.run(
                    control,
                    ["--endpoints=\(endpoint)", "get", "short"],
                    environment: ["ETCDCTL_API": "3"]
                )
                return outcome.output.isEmpty
            }
            _ = try await run("lease", "timetolive", short)
            return masked(text)
        }

        private static func grant(_ output: String) throws -> String {
            try #require(output.split(separator: " ").dropFirst().first.map(String.init))
        }

        /// Longer than the lease would last by itself.
        private static func keptAlive(
            _ control: String,
            _ endpoint: String,
            _ lease: String
        ) async throws -> String {
            let program = try Program(
                control,
                ["--endpoints=\(endpoint)", "lease", "keep-alive", lease],
                environment: ["ETCDCTL_API": "3"]
            )
            try await eventually("the lease is kept alive for a while") {
                program.output.split(separator: "\n").count >= 5
            }
            program.signal(SIGKILL)
            try await program.waitForExit()
            return program.output.split(separator: "\n").prefix(5).joined(separator: "\n") + "\n"
        }

        private static func masked(_ text: String) -> String {
            text.split(separator: "\n", omittingEmptySubsequences: false)
                // Warnings of the client, with times and pointers.
                .filter { !$0.hasPrefix("{\"level\"") }
                .joined(separator: "\n")
                .replacing(#/\b[0-9a-f]{16}\b/#, with: "ID")
                .replacing(#/[0-9]{12,}/#, with: "NUMBER")
                .replacing(#/remaining\([0-9]+s\)/#, with: "remaining(#)")
                .replacing(#/"ttl":[0-9]+/#, with: "\"ttl\":#")
                .replacing(#/"TTL" : [0-9]+/#, with: "\"TTL\" : #")
        }

        // MARK: Together with real etcd

        @Test func `leases are kept alive across members of both kinds`() async throws {
            let real = try EtcdRelease.v3_5.tool("etcd")
            let control = try EtcdRelease.v3_5.tool("etcdctl")
            let ours = "\(builtPrograms())/etcd-member"
            try await Member.with([real, real, ours]) { members in
                let cluster = Mixed(members: members, control: control)
                for leader in [0, 2] {
                    try await cluster.lead(leader)
                    for member in 0..<3 { try await cluster.checkLeases(through: member) }
                    try await cluster.checkEnd(of: leader)
                }
                // What was granted under one lives on under the other.
                let lease = try await cluster.grant("600", through: 1)
                try await cluster.run(0, "put", "moved", "v", "--lease=\(lease)")
                try await cluster.lead(1)
                let kept = try await cluster.run(2, "lease", "keep-alive", "--once", lease)
                #expect(kept.contains("keepalived with TTL(600)"))
                try await cluster.lead(2)
                let keys = try await cluster.run(0, "lease", "timetolive", lease, "--keys")
                #expect(keys.contains("granted with TTL(600s)"))
                #expect(keys.contains("attached keys([moved])"))
                try await cluster.run(1, "lease", "revoke", lease)
                try await cluster.waitForEqualHash()
            }
        }
    }
}

/// A cluster of members of both kinds.
private struct Mixed {
    let members: [Member]
    let control: String

    @discardableResult
    func run(_ index: Int, _ arguments: String...) async throws -> String {
        let outcome = try await tool(members[index].client, arguments)
        #expect(outcome.status == 0, "etcdctl \(arguments): \(outcome.output)\(outcome.errors)")
        return outcome.output
    }

    private func tool(_ endpoints: String, _ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            control,
            ["--endpoints=\(endpoints)"] + arguments,
            environment: ["ETCDCTL_API": "3"]
        )
    }

    func grant(_ ttl: String, through index: Int) async throws -> String {
        let output = try await run(index, "lease", "grant", ttl)
        return try #require(output.split(separator: " ").dropFirst().first.map(String.init))
    }

    /// Makes this member lead.
    func lead(_ index: Int) async throws {
        try await eventually("member \(index) leads", within: .seconds(30)) {
            // endpoint, id, version, size, leader, learner, ...
            let output = try await run(index, "endpoint", "status")
            let columns = output.split(separator: ", ").map(String.init)
            if columns[4] == "true" { return true }
            let all = members.map(\.client).joined(separator: ",")
            _ = try await tool(all, ["move-leader", columns[1]])
            return false
        }
    }

    /// All about one lease through one member, whoever leads.
    func checkLeases(through index: Int) async throws {
        let lease = try await grant("600", through: index)
        try await run(index, "put", "k", "v", "--lease=\(lease)")
        let kept = try await run(index, "lease", "keep-alive", "--once", lease)
        #expect(kept == "lease \(lease) keepalived with TTL(600)\n")
        let info = try await run(index, "lease", "timetolive", lease, "--keys")
        #expect(info.contains("TTL(600s), remaining(59"))
        #expect(info.contains("attached keys([k])"))
        try await run(index, "lease", "revoke", lease)
        let gone = try await run(index, "lease", "timetolive", lease)
        #expect(gone == "lease \(lease) already expired\n")
        let unknown = try await tool(
            members[index].client,
            ["lease", "keep-alive", "--once", lease]
        )
        #expect(unknown.errors.contains("requested lease not found"))
    }

    /// A lease whose time is over ends by the leader, on all members.
    func checkEnd(of leader: Int) async throws {
        let lease = try await grant("6", through: (leader + 1) % 3)
        try await run(leader, "put", "short", "v", "--lease=\(lease)")
        let held = try await run(2, "get", "short", "--print-value-only")
        #expect(held == "v\n")
        for index in members.indices {
            try await eventually("the key goes from member \(index)") {
                try await run(index, "get", "short", "--consistency=s").isEmpty
            }
        }
        try await waitForEqualHash()
    }

    func waitForEqualHash() async throws {
        try await eventually("all have the same hash") {
            var hashes: Set<String> = []
            for index in members.indices {
                let output = try await run(index, "endpoint", "hashkv")
                hashes.insert(String(output.split(separator: ", ")[1]))
            }
            return hashes.count == 1
        }
    }
}

/// One member of a cluster that a test starts, of either kind.
private struct Member {
    let client: String
    let process: Program

    /// Starts a cluster of these programs, and ends it whatever happens.
    static func with<Result>(
        _ programs: [String],
        _ body: ([Member]) async throws -> Result
    ) async throws -> Result {
        let folder = try TemporaryDirectory("leases")
        defer { folder.remove() }
        let ports = freePorts(2 * programs.count)
        func url(_ number: Int) -> String { "http://127.0.0.1:\(ports[number])" }
        let cluster = programs.indices.map { "m\($0)=\(url(2 * $0 + 1))" }.joined(separator: ",")
        var members: [Member] = []
        defer { for member in members { member.process.signal(SIGKILL) } }
        for (index, program) in programs.enumerated() {
            let client = url(2 * index)
            let process = try Program(
                program,
                [
                    "--name=m\(index)", "--data-dir=\(folder.path)/m\(index)",
                    "--listen-client-urls=\(client)", "--advertise-client-urls=\(client)",
                    "--listen-peer-urls=\(url(2 * index + 1))",
                    "--initial-advertise-peer-urls=\(url(2 * index + 1))",
                    "--initial-cluster=\(cluster)",
                ]
            )
            members.append(Member(client: client, process: process))
        }
        for member in members {
            try await eventually("\(member.process.name) serves", within: .seconds(60)) {
                (member.process.errors + member.process.output)
                    .contains("ready to serve client requests")
            }
        }
        do {
            let result = try await body(members)
            for member in members {
                member.process.signal(SIGKILL)
                try await member.process.waitForExit()
            }
            return result
        } catch {
            for member in members {
                print("\(member.client): \(member.process.errors.suffix(2_000))")
            }
            throw error
        }
    }
}
