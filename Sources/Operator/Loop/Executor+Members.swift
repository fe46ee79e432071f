import Planning

/// Steps that change the running cluster. Each first has a quorum confirm whose cluster it is and
/// who is in it, and is refused when that is not as it was when the step was decided.
extension Executor {
    /// The list, and the URL of the member that it came from.
    struct Confirmed {
        let list: MemberList
        let url: String
    }

    func ask(
        _ step: Step,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome {
        do throws(MemberError) {
            switch step {
            case .moveLeader(let name): return try await moveLeader(to: name, record, seen)
            case .remove(let id): return try await remove(id, &record, seen)
            case .addLearner(let name): return try await addLearner(name, &record, seen)
            case .promote(let name): return try await promote(name, record, seen)
            case .compareHashes: return try await compareHashes(record, seen)
            case .compact: return try await compact(record, seen)
            case .defragment(let name): return try await defragment(name, record, seen)
            case .disarm(let alarms): return try await disarm(alarms, record, seen)
            default: fatalError("\(step) asks nobody")
            }
        } catch {
            return try Executor.outcome(of: error)
        }
    }

    /// What it means for a step that the members did not do as they were asked.
    private static func outcome(of error: MemberError) throws(OperatorError) -> Outcome {
        switch error.kind {
        case .notYet: return .notYet(error.description)
        case .alreadyDone: return .done
        case .unclear:
            throw OperatorError(
                .member,
                "nobody knows whether it was done: \(error)",
                remedy: "the member list is read again before anything else"
            )
        case .notFound, .refused: throw OperatorError(.member, error.description)
        }
    }

    /// Has a quorum write down that a member votes, or does so no longer, before anybody counts on
    /// it. Who starts again and does not know that this is decided asks those who voted before to
    /// decide it once more: the last of two would never serve again when the other is gone, nor the
    /// second of two that has given a third its vote. Nil when it is done, or needs not be.
    func settle(
        _ name: String,
        votes: Bool,
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(OperatorError) -> Outcome? {
        guard let member = record.member(name), let id = member.id, votes || member.isVoter else {
            return nil
        }
        let witnesses =
            votes
            ? seen.witnesses(record, toVoteOf: member)
            : seen.witnesses(record).filter { $0.id != id }
        do throws(MemberError) {
            func check() async throws(MemberError) -> String {
                let now = try await confirmed(record, by: witnesses)
                guard now.list.entry(id).map({ !$0.isLearner }) ?? false == votes else {
                    throw MemberError(.refused, "\(name) is listed otherwise by now")
                }
                return now.url
            }
            try await members.settle(through: try await check())
            // What was proposed before, and nobody knew the end of, is decided now.
            _ = try await check()
            return nil
        } catch {
            return try Executor.outcome(of: error)
        }
    }

    /// Asks one witness after the other, until one answers.
    func confirmed(
        _ record: ClusterRecord,
        by witnesses: [ClusterRecord.Member]
    ) async throws(MemberError) -> Confirmed {
        var last = MemberError(.notYet, "no member serves that could be asked")
        for member in witnesses {
            let url = member.slot.clientURL
            do throws(MemberError) {
                let list = try await members.list(from: url)
                guard list.clusterID == record.clusterID else {
                    throw MemberError(
                        .refused,
                        "\(url) answers for cluster \(list.clusterID), not \(record.clusterID)"
                    )
                }
                return Confirmed(list: list, url: url)
            } catch {
                // Nothing was changed by asking.
                last = MemberError(error.kind == .unclear ? .notYet : error.kind, error.description)
            }
        }
        throw last
    }

    private func moveLeader(
        to name: String,
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        guard let old = record.members.first(where: { $0.id != nil && $0.id == seen.leaderID }),
            let heir = record.member(name), let id = heir.id
        else { throw MemberError(.notYet, "nobody is seen to lead") }
        let list = try await confirmed(record, by: seen.witnesses(record)).list
        guard let entry = list.entry(id), !entry.isLearner else {
            throw MemberError(.refused, "\(name) has no vote")
        }
        try await members.moveLeader(to: id, from: old.slot.clientURL)
        return .changed(from: "\(old.name) leads", to: "\(name) leads")
    }

    private func remove(
        _ id: String,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        let now = try await confirmed(
            record,
            by: seen.witnesses(record).filter { $0.id != id }
        )
        guard let entry = now.list.entry(id) else {
            try noteRemoval(of: id, &record)
            return .unchanged
        }
        let serving = seen.serving.compactMap(\.probe.memberID)
        let electorate = Electorate(
            voters: Set(now.list.entries.filter { !$0.isLearner }.map(\.id)),
            healthy: Set(serving)
        )
        guard electorate.canLose(id) else {
            throw MemberError(.refused, "those who stay would be no quorum by now")
        }
        do throws(MemberError) {
            try await members.remove(id, through: now.url)
        } catch  where error.kind == .notFound {
            try noteRemoval(of: id, &record)
            return .unchanged
        }
        try noteRemoval(of: id, &record)
        return .changed(from: now.list.summary, to: "without \(entry.id)")
    }

    /// From now on its vote does not count when it is asked whether a majority is left.
    private func noteRemoval(
        of id: String,
        _ record: inout ClusterRecord
    ) throws(MemberError) {
        guard let name = record.members.first(where: { $0.id == id && $0.departure != nil })?.name
        else { return }
        do throws(OperatorError) {
            let when = clocks.wallNow()
            try changeMembers(&record) { record in
                record.update(name) {
                    if $0.departure?.unlistedAt == nil { $0.departure?.unlistedAt = when }
                }
            }
        } catch {
            throw MemberError(.refused, "\(name) was removed: \(error.description)")
        }
    }

    private func addLearner(
        _ name: String,
        _ record: inout ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        guard let member = record.member(name), member.id == nil else { return .unchanged }
        let url = member.slot.peerURL
        let now = try await confirmed(record, by: seen.witnesses(record))
        guard now.list.entry(listeningOn: url) == nil else {
            throw MemberError(.notYet, "somebody is listed with its address by now")
        }
        let id = try await members.addLearner(peerURL: url, through: now.url)
        do throws(OperatorError) {
            try changeMembers(&record) { $0.update(name) { $0.id = id } }
        } catch {
            // The list has it; the next pass knows it by its address.
            throw MemberError(.refused, "\(name) was added as \(id): \(error.description)")
        }
        return .changed(from: now.list.summary, to: "with \(id), a learner")
    }

    private func promote(
        _ name: String,
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        let now = try await confirmed(record, by: seen.witnesses(record))
        guard let entry = now.list.entry(record.member(name)?.id) else {
            throw MemberError(.refused, "\(name) is not listed any more")
        }
        guard entry.isLearner else { return .unchanged }
        try await members.promote(entry.id, through: now.url)
        return .changed(from: now.list.summary, to: "\(entry.id) votes")
    }

    /// The data of all voters at the newest revision that each of them has.
    private func compareHashes(
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        let serving = record.members.filter { member in
            seen.serving.contains { $0.name == member.name && !$0.probe.isLearner }
        }
        let revision = serving.compactMap { seen.member($0.name)?.probe.revision }.min() ?? 0
        guard revision > 0 else { throw MemberError(.notYet, "no member has told its revision") }
        var answers: [String: HashComparison.Answer] = [:]
        for member in serving {
            do throws(MemberError) {
                answers[member.name] = try await members.hash(
                    at: revision,
                    of: member.slot.clientURL
                )
            } catch {
                // Who gives no answer has no voice in the comparison.
                continue
            }
        }
        let now = clocks.monotonicNow()
        return .found(.compared(HashComparison(at: now, revision: revision, answers: answers)))
    }

    private func compact(
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        let now = try await confirmed(record, by: seen.witnesses(record))
        guard let revision = seen.serving.compactMap(\.probe.revision).max() else {
            throw MemberError(.notYet, "no member has told its revision")
        }
        do throws(MemberError) {
            try await members.compact(to: revision, through: now.url)
        } catch  where error.kind == .alreadyDone {
            return .found(.compacted)
        }
        return .found(.compacted)
    }

    private func defragment(
        _ name: String,
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        guard let member = record.member(name) else { return .unchanged }
        _ = try await confirmed(record, by: seen.witnesses(record))
        try await members.defragment(member.slot.clientURL)
        return .found(.defragmented(name))
    }

    private func disarm(
        _ alarms: [Alarm],
        _ record: ClusterRecord,
        _ seen: Observation
    ) async throws(MemberError) -> Outcome {
        let now = try await confirmed(record, by: seen.witnesses(record))
        for alarm in alarms { try await members.disarm(alarm, through: now.url) }
        return .found(.disarmed)
    }
}

extension MemberList {
    /// For the journal: `a1b2 orders-0, c3d4 (learner)`.
    fileprivate var summary: String {
        entries.map { entry in
            [entry.id, entry.name, entry.isLearner ? "(learner)" : ""].filter { !$0.isEmpty }
                .joined(separator: " ")
        }.joined(separator: ", ")
    }
}
