import ClusterAPI
import Planning
import Storage

/// The steps of a recovery. Each ends with a save of the record, after which the next one is due.
extension Executor {
    func recover(
        _ step: Step,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome {
        switch step {
        case .beginRecovery:
            let names = seen.members.filter(\.hasLostData).map(\.name).joined(separator: ", ")
            let why = "the data of \(names) is lost, and the others are no quorum"
            try changeMembers(&record) { $0.recovery = Recovery(why: why, at: clocks.wallNow()) }
            return .done
        case .cancelRecovery:
            try changeMembers(&record) { $0.recovery = nil }
            return .done
        case .chooseSurvivor: return try chooseSurvivor(&record, seen)
        case .salvage: return try await salvage(&record)
        case .buildSeed: return try await buildSeed(&record)
        case .retireOld: return try retireOld(&record)
        default: fatalError("\(step) is no part of a recovery")
        }
    }

    /// Rule 3: the newest log, by the term and the index of its last entry. Rule 12: nobody uses
    /// any of them.
    private func chooseSurvivor(
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) throws(OperatorError) -> Outcome {
        var best: (name: String, survivor: Survivor)?
        for member in seen.members {
            let files = directory.member(member.name)
            // What was observed may have changed since: the last look is the one that counts.
            let state = files.state(in: record)
            guard state == member.directory else {
                let what = "\(member.name)'s directory is not as it was a moment ago"
                return .notYet("\(what) (\(state))")
            }
            guard state == .intact else { continue }
            try files.claim().release()
            do throws(WALError) {
                let survivor = try Survivor.read(dataDirectory: files.data, on: directory.disk)
                if best.map({ $0.survivor < survivor }) ?? true { best = (member.name, survivor) }
            } catch {
                if case .disk(let cause) = error { throw OperatorError(state: cause) }
                // It is one of the lost ones: the next pass counts again.
                try files.mark(damage: "\(error)")
                return .notYet("\(member.name)'s log is damaged: \(error)")
            }
        }
        guard let best else { return .notYet("no survivor is left") }
        let source = Recovery.Source(
            survivor: best.name,
            lastTerm: best.survivor.last.term,
            lastIndex: best.survivor.last.index,
            undecided: best.survivor.undecidedEntries,
            token: "\(record.name)-\(record.uid)-\(record.incarnation + 1)-\(newUID())"
        )
        try changeMembers(&record) { record in
            record.recovery?.source = source
            record.recovery?.phase = .salvaging
        }
        return .changed(
            from: seen.members.map { "\($0.name): \($0.directory)" }.joined(separator: ", "),
            to: "\(best.name), whose log ends with \(best.survivor.last)"
        )
    }

    /// An empty folder to work in. What an attempt before has left is only copies, and would fill
    /// the disk if it stayed; nil while a process of it still uses them.
    private func workFolder() throws(OperatorError) -> String? {
        let all = directory.path + "/recovery"
        let users = runtime.users(below: all)
        for data in users { _ = try runtime.stop(data, patience: .seconds(3)) }
        guard users.isEmpty else { return nil }
        let folder = "\(all)/\(clocks.wallNow().fileName)"
        do throws(DiskError) {
            try directory.disk.removeAll(all)
            try directory.disk.createDirectory(folder)
        } catch {
            throw OperatorError(state: error)
        }
        return folder
    }

    private func salvage(_ record: inout ClusterRecord) async throws(OperatorError) -> Outcome {
        guard let source = record.recovery?.source, let member = record.member(source.survivor)
        else { throw OperatorError(.state, "no survivor was chosen", at: directory.path) }
        guard let work = try workFolder() else {
            return .notYet("a process of the attempt before has to end")
        }
        let original = directory.member(source.survivor)
        try original.claim().release()
        do throws(DiskError) {
            try directory.disk.copy(original.data, to: work + "/data")
        } catch {
            throw OperatorError(state: error)
        }
        var etcd: String?
        if case .etcd = record.applied.spec.engine, let launch = member.launch {
            etcd = try programs.path(
                of: .init(program: launch.program, sha256: launch.sha256),
                from: program(of: record.applied.spec)
            )
        }
        let copy = SurvivorCopy(folder: work, data: work + "/data", name: member.name, etcd: etcd)
        var salvaged = try await tools.salvage(copy)
        // The state directory may be moved before it is used.
        salvaged.snapshot = String(salvaged.snapshot.dropFirst(directory.path.count + 1))
        // No revision that anybody has seen may come again with other contents (safety rule 28).
        let seen = max(salvaged.revision, (try? directory.status())?.revision ?? 0)
        salvaged.bump = seen - salvaged.revision + max(seen / 5, leastBump)
        let result = salvaged
        try changeMembers(&record) { record in
            record.recovery?.salvaged = result
            record.recovery?.phase = .building
        }
        return .changed(
            from: "\(source.survivor): index \(source.lastIndex) of term \(source.lastTerm)",
            to: "a snapshot at revision \(result.revision)"
        )
    }

    private var leastBump: Int64 { 1_000_000_000 }

    private func buildSeed(_ record: inout ClusterRecord) async throws(OperatorError) -> Outcome {
        guard let source = record.recovery?.source, let salvaged = record.recovery?.salvaged,
            let (member, clusterID) = record.seed(of: source),
            let launch = record.member(source.survivor)?.launch
        else { throw OperatorError(.state, "nothing was salvaged", at: directory.path) }
        let files = directory.member(member.name)
        // Nothing has run in it: an attempt that was cut off made it.
        try files.discard(at: clocks.wallNow().fileName)
        var next = record
        next.succeed(with: member, clusterID: clusterID, token: source.token)
        let arguments = MemberFlags(record: next, spec: next.applied.spec).arguments(member)
        next.update(member.name) { member in
            member.launch = LaunchRecord(
                program: launch.program,
                sha256: launch.sha256,
                arguments: arguments
            )
        }
        let isEtcd = if case .etcd = record.applied.spec.engine { true } else { false }
        // Until the data is there nothing may be taken for the new cluster.
        try files.stamp(record)
        try await tools.restore(
            FirstMember(
                snapshot: "\(directory.path)/\(salvaged.snapshot)",
                salvaged: salvaged,
                data: files.data,
                name: member.name,
                peerURL: next.peerURL(of: member),
                token: source.token,
                isEtcd: isEtcd,
                log: "\(files.path)/log/restore.log"
            )
        )
        let successor = next
        let before = record.clusterID
        try changeMembers(&record) { $0 = successor }
        return .changed(
            from: "cluster \(before)",
            to: "cluster \(clusterID) of \(member.name), from revision "
                + "\(salvaged.revision + salvaged.bump) on; \(source.undecided) entries of which "
                + "the survivor did not know whether they were committed are kept, entries that "
                + "only lost members had are gone"
        )
    }

    private func retireOld(_ record: inout ClusterRecord) throws(OperatorError) -> Outcome {
        guard let recovery = record.recovery else { return .unchanged }
        let when = clocks.wallNow()
        let stamp = RetiredStamp(
            why: "\(recovery.why); the cluster was built anew from "
                + "\(recovery.source?.survivor ?? "its survivor")",
            when: when.description,
            incarnation: "cluster \(record.clusterID)"
        )
        for name in recovery.retiring {
            let files = directory.member(name)
            do throws(DiskError) {
                if try directory.disk.status(files.data) != nil {
                    try stamp.write(toDataDirectory: files.data, on: directory.disk)
                }
            } catch {
                throw OperatorError(state: error)
            }
            try files.discard(at: when.fileName)
        }
        try changeMembers(&record) { $0.recovery = nil }
        return .done
    }
}

extension Disk {
    /// Copies a directory with all that is in it.
    fileprivate func copy(_ source: String, to target: String) throws(DiskError) {
        try createDirectory(target)
        for name in try list(source) {
            let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
            guard let status = try status(from) else { continue }
            if status.isDirectory {
                try copy(from, to: to)
                continue
            }
            let input = try open(from, .read)
            defer { input.close() }
            let output = try open(to, .create)
            defer { output.close() }
            try output.fill(from: input)
            try output.sync()
        }
        try syncDirectory(target)
    }
}
