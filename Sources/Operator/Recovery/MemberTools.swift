package import Planning
package import Storage

/// `etcd-member` as a tool, and a real etcd that serves nobody but the operator.
package struct MemberTools: RecoveryTools {
    private let runner: ToolRunner
    private let programs: any ProgramStore
    private let members: any Members
    private let disk: any Disk

    package init(
        events: FileEvents,
        programs: any ProgramStore,
        members: any Members,
        disk: any Disk
    ) {
        runner = ToolRunner(events: events)
        self.programs = programs
        self.members = members
        self.disk = disk
    }

    package func salvage(_ copy: SurvivorCopy) async throws(OperatorError) -> Recovery.Salvaged {
        if let etcd = copy.etcd { return try await force(etcd, copy) }
        let snapshot = copy.folder + "/salvaged.db"
        let output = try await runner.run(
            programs.embeddedPath,
            [
                "snapshot", "salvage", "--data-dir", copy.data, "--output", snapshot,
                "--write-out", "json",
            ],
            log: copy.folder + "/salvage.log"
        )
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("{") }),
            let result = try? JSON.decode(SalvageResult.self, from: Array(line.utf8))
        else { throw OperatorError(.process, "salvage told nothing: \(output.suffix(300))") }
        return Recovery.Salvaged(
            snapshot: snapshot,
            hasHash: true,
            revision: result.revision,
            bump: 0
        )
    }

    private struct SalvageResult: Decodable {
        let revision: Int64
    }

    /// A real etcd applies its log only while it runs. Before, all of it is taken for committed,
    /// since etcd drops what is not (decision 0012). Its URLs are known to nobody.
    private func force(
        _ etcd: String,
        _ copy: SurvivorCopy
    ) async throws(OperatorError) -> Recovery.Salvaged {
        do throws(WALError) {
            try WAL.raiseCommit(on: disk, directory: copy.data + "/member/wal")
        } catch {
            if case .disk(let cause) = error { throw OperatorError(state: cause) }
            throw OperatorError(.damaged, "the log cannot be continued: \(error)", at: copy.data)
        }
        let ports = FreePort.several(2)
        let client = "http://127.0.0.1:\(ports[0])"
        let peer = "http://127.0.0.1:\(ports[1])"
        let process = try runner.start(
            etcd,
            [
                "--name=\(copy.name)", "--data-dir=\(copy.data)", "--force-new-cluster",
                "--listen-client-urls=\(client)", "--advertise-client-urls=\(client)",
                "--listen-peer-urls=\(peer)", "--initial-advertise-peer-urls=\(peer)",
                "--initial-cluster=\(copy.name)=\(peer)",
            ],
            log: copy.folder + "/forced.log"
        )
        var revision: Int64?
        let deadline = monotonicNow() + .seconds(300)
        while revision == nil, !process.hasEnded, monotonicNow() < deadline, !Task.isCancelled {
            let probe = await members.look(at: [client]).first?.probe
            if probe?.isServing == true { revision = probe?.revision }
            if revision == nil { _ = await process.waitForEnd(atMost: .milliseconds(100)) }
        }
        try await process.end(patience: .seconds(60))
        guard let revision else {
            if Task.isCancelled { throw OperatorError(.process, "the operator is stopping") }
            throw OperatorError(
                .process,
                "etcd does not serve what the survivor has",
                at: copy.folder + "/forced.log"
            )
        }
        return Recovery.Salvaged(
            snapshot: copy.data + "/member/snap/db",
            hasHash: false,
            revision: revision,
            bump: 0
        )
    }

    package func restore(_ member: FirstMember) async throws(OperatorError) {
        var arguments = [
            "snapshot", "restore", member.snapshot, "--data-dir", member.data, "--name",
            member.name,
            "--initial-cluster", "\(member.name)=\(member.peerURL)",
            "--initial-advertise-peer-urls", member.peerURL,
            "--initial-cluster-token", member.token,
            "--bump-revision", "\(member.salvaged.bump)", "--mark-compacted",
            "--backend", member.isEtcd ? "bbolt" : "lmdb",
        ]
        if !member.salvaged.hasHash { arguments.append("--skip-hash-check") }
        _ = try await runner.run(programs.embeddedPath, arguments, log: member.log)
    }
}
