import ClusterAPI

/// Finds out by a vote whose data is wrong (safety rule 19): a strict majority of all voters must
/// agree, twice, and those who differ from it are replaced. The alarm alone selects nobody.
func corrupt(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    let alarms = seen.alarms.filter { $0.kind == .corrupt }
    // Who is found out leaves first; whether the rest is well is asked then.
    guard let list = seen.memberList, record.staying.count == record.members.count else {
        return nil
    }
    let voters = list.entries.filter { !$0.isLearner }.map { entry in
        record.members.first { $0.id == entry.id }?.name ?? entry.id
    }
    let last = seen.comparisons.last
    let lost = Set(findings.losses.keys)
    let verdict = last?.verdict(voters: voters, lost: lost) ?? .unknown
    guard !alarms.isEmpty || verdict.isBad else { return nil }
    guard let last, seen.now.monotonic - last.at < freshness else {
        return .act(
            [.compareHashes],
            because: alarms.isEmpty ? "members differed" : "etcd raised the alarm CORRUPT",
            .recovering
        )
    }
    let verdicts = seen.comparisons.map { $0.verdict(voters: voters, lost: lost) }
    let isConfirmed =
        verdicts.count > 1 && verdicts.allSatisfy { $0 == verdict }
        && seen.comparisons.allSatisfy { seen.now.monotonic - $0.at < freshness * 2 }
    if !isConfirmed {
        guard seen.now.monotonic - last.at >= apart else {
            return .wait(
                for: "a second comparison of the members' data",
                because: "the first says: \(verdict)",
                .recovering,
                recheckAfter: apart
            )
        }
        return .act([.compareHashes], because: "the first said: \(verdict)", .recovering)
    }
    switch verdict {
    case .agreed:
        guard Electorate(seen)?.hasQuorum == true else { return nil }
        return .act(
            [.disarm(alarms)],
            because: "the data of all \(voters.count) voters was compared twice and is equal",
            .recovering
        )
    case .minority(let names):
        for name in names {
            let why =
                "\(name)'s data differs from what the majority holds at revision "
                + "\(last.revision)"
            findings.lose(name, .dataDiffers, why)
        }
        // `replace` does it, with all its precautions.
        return nil
    case .unknown:
        // A voter may be down or hang; healing it goes on.
        findings.note(
            .degraded,
            "DataUncompared",
            "etcd raised the alarm CORRUPT, and too few voters' data could be compared"
        )
        return nil
    case .undecided(let names):
        let unheard = names.joined(separator: ", ")
        let why =
            "the members' data differs, and who is right may be for \(unheard) to say, whose data "
            + "could not be compared yet"
        findings.note(.degraded, "DataUncompared", why)
        findings.undecided = why
        return nil
    case .split:
        let why =
            "the members' data differs and no majority agrees; nothing is touched. Compare them "
            + "(`etcdctl endpoint hashkv`) and decide which to keep"
        findings.note(.degraded, "DataDiverged", why)
        return .refuse("DataDiverged", because: why)
    }
}

/// While nobody knows whose data is right no member is made from another's: its vote would be that
/// other's once more. Those that have not been heard yet are healed by the rules above.
func holdCopies(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    findings.undecided.map { .refuse("DataUncompared", because: $0, .recovering) }
}

/// For how long a comparison says something.
private let freshness = Duration.seconds(60)
/// Between two comparisons, so that they are two.
private let apart = Duration.seconds(1)

extension HashComparison.Verdict {
    fileprivate var isBad: Bool {
        switch self {
        case .minority, .split, .undecided: true
        case .agreed, .unknown: false
        }
    }
}

extension HashComparison.Verdict: CustomStringConvertible {
    package var description: String {
        switch self {
        case .agreed: "all agree"
        case .minority(let names): "\(names.joined(separator: ", ")) differ from the majority"
        case .split: "they differ, without a majority"
        case .undecided(let names): "they differ, and \(names.joined(separator: ", ")) may decide"
        case .unknown: "too few could be compared"
        }
    }
}
