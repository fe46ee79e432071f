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
            let voters = presumedVoters(record, seen).map(\.name)
            try changeMembers(&record) { record in
                record.recovery = Recovery(why: why, at: clocks.wallNow())
                // Once those are stopped who wait for them nobody could tell any more.
                for name in voters { record.update(name) { $0.isVoter = true } }
            }
            return .done
        case .cancelRecovery:
            guard try clearSeed(record), try clearWork() else {
                return .notYet("a process of the recovery has to end")
            }
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
        var best: (name: String, rank: Int, survivor: Survivor)?
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
                // Rule 19: whose data was found wrong, and who is no member any more, is the source
                // only where there is no other.
                let departure = record.member(member.name)?.departure
                let isSuspect = departure?.cause == .dataDiffers || departure?.unlistedAt != nil
                let rank = isSuspect ? 0 : 1
                let isBetter = best.map { (best) in
                    rank == best.rank ? best.survivor < survivor : best.rank < rank
                }
                if isBetter ?? true { best = (member.name, rank, survivor) }
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
                + (best.rank == 0 ? "; its data is in doubt, and there is no other" : "")
        )
    }

    /// Where copies are made, for one recovery after the other.
    private var workPlace: String { directory.path + "/recovery" }

    /// Removes what an attempt has left: only copies, which would fill the disk if they stayed.
    /// False while a process of it still uses them.
    private func clearWork() throws(OperatorError) -> Bool { try clear(workPlace) }

    /// An attempt has failed: until the next one the disk may be needed for something else. What
    /// cannot be removed now is removed by that, and the attempt's own failure is what is told.
    private func dropWork() {
        _ = try? clearWork()
    }

    /// Removes what was made of the new cluster's first member, in which nothing has run.
    private func clearSeed(_ record: ClusterRecord) throws(OperatorError) -> Bool {
        guard let source = record.recovery?.source, let seed = record.seed(of: source)?.member,
            record.member(seed.name) == nil
        else { return true }
        return try clear(directory.member(seed.name).path)
    }

    private func clear(_ folder: String) throws(OperatorError) -> Bool {
        let users = runtime.users(below: folder)
        for data in users { _ = try runtime.stop(data, patience: .seconds(3)) }
        guard users.isEmpty else { return false }
        do throws(DiskError) {
            try directory.disk.removeAll(folder)
            return true
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Rule 9: a copy, the snapshot and the new data, each as large as what the survivor has, and
    /// so much that nobody else is starved.
    private func checkRoom(for data: String) throws(OperatorError) {
        do throws(DiskError) {
            let needed = Quantity(bytes: 3 * (try directory.disk.size(of: data)))
            let free = Quantity(bytes: try directory.disk.freeSpace(directory.path))
            guard free.bytes - DiskSpace.reserve.bytes < needed.bytes else { return }
            throw DiskError(
                .noSpace,
                "copy what the survivor has from",
                data,
                reason: "\(free) are free, and it takes \(needed) and \(DiskSpace.reserve) more"
            )
        } catch {
            throw OperatorError(state: error)
        }
    }

    private func salvage(_ record: inout ClusterRecord) async throws(OperatorError) -> Outcome {
        guard let source = record.recovery?.source, let member = record.member(source.survivor)
        else { throw OperatorError(.state, "no survivor was chosen", at: directory.path) }
        guard try clearWork() else { return .notYet("a process of the attempt before has to end") }
        let original = directory.member(source.survivor)
        try original.claim().release()
        try checkRoom(for: original.data)
        let work = "\(workPlace)/\(clocks.wallNow().fileName)"
        do throws(DiskError) {
            try await directory.disk.copy(original.data, to: work + "/data")
        } catch {
            dropWork()
            throw OperatorError(state: error)
        }
        var etcd: String?
        if let launch = member.launch, !launch.isEmbedded {
            etcd = try programs.path(
                of: .init(program: launch.program, sha256: launch.sha256),
                from: program(of: record.spec(behind: launch))
            )
        }
        let copy = SurvivorCopy(folder: work, data: work + "/data", name: member.name, etcd: etcd)
        var salvaged: Recovery.Salvaged
        do throws(OperatorError) {
            salvaged = try await tools.salvage(copy)
        } catch {
            dropWork()
            guard error.code == .damaged else { throw error }
            // Its log was whole, but not its store: another may know as much.
            try original.mark(damage: "cannot be salvaged: \(error.what)")
            try changeMembers(&record) { record in
                record.recovery?.phase = .stopping
                record.recovery?.source = nil
            }
            return .changed(from: source.survivor, to: "another survivor; \(error)")
        }
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
            let survivor = record.member(source.survivor),
            // What it is known to come up with.
            let launch = survivor.lastGood ?? survivor.launch
        else { throw OperatorError(.state, "nothing was salvaged", at: directory.path) }
        let files = directory.member(member.name)
        guard try clearSeed(record) else {
            return .notYet("a process of the attempt before has to end")
        }
        var next = record
        next.succeed(with: member, clusterID: clusterID, token: source.token)
        let arguments = MemberFlags(record: next, spec: next.applied.spec)
            .arguments(member, like: launch)
        next.update(member.name) { member in
            member.launch = LaunchRecord(
                program: launch.program,
                sha256: launch.sha256,
                arguments: arguments
            )
        }
        // Until the data is there nothing may be taken for the new cluster.
        try files.stamp(record)
        try await tools.restore(
            FirstMember(
                snapshot: "\(directory.path)/\(salvaged.snapshot)",
                salvaged: salvaged,
                data: files.data,
                name: member.name,
                peerURL: member.slot.peerURL,
                token: source.token,
                isEtcd: !launch.isEmbedded,
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
            // Rule 12: nothing is written under a process either.
            try files.claim().release()
            do throws(DiskError) {
                if try directory.disk.status(files.data) != nil {
                    try stamp.write(toDataDirectory: files.data, on: directory.disk)
                }
            } catch {
                throw OperatorError(state: error)
            }
            try files.discard(at: when.fileName, of: record)
        }
        guard try clearWork() else { return .notYet("a process of the recovery has to end") }
        try changeMembers(&record) { $0.recovery = nil }
        return .done
    }
}

extension Disk {
    /// Bytes in all files of a directory and below it.
    fileprivate func size(of folder: String) throws(DiskError) -> Int64 {
        var sum: Int64 = 0
        for name in try list(folder) {
            guard let status = try status("\(folder)/\(name)") else { continue }
            sum += status.isDirectory ? try size(of: "\(folder)/\(name)") : status.size
        }
        return sum
    }

    /// Copies a directory with all that is in it. That may take minutes, in which others have their
    /// turns.
    fileprivate func copy(_ source: String, to target: String) async throws(DiskError) {
        try createDirectory(target)
        for name in try list(source) {
            let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
            guard let status = try status(from) else { continue }
            if status.isDirectory {
                try await copy(from, to: to)
                continue
            }
            let input = try open(from, .read)
            defer { input.close() }
            let output = try open(to, .create)
            defer { output.close() }
            var offset: Int64 = 0
            while true {
                let piece = try input.read(at: offset, count: 4 << 20)
                if piece.isEmpty { break }
                try output.write(piece, at: offset)
                offset += Int64(piece.count)
                await Task.yield()
            }
            try output.sync()
        }
        try syncDirectory(target)
    }
}
