/// Directories of this cluster's members that stand in each other's places are put back.
///
/// Each says whose it is, so nothing is guessed. It takes one rename at a time, and what one leaves
/// is seen like everything else: after a death in between the next pass goes on. Where a place is
/// free its own directory is moved there; where all are taken by others, one is put aside first,
/// which frees a place. Nothing is moved while a process uses it, and nothing is begun that such a
/// process would keep from being finished. A process of ours in such a place is stopped first: it
/// runs on another member's data, or goes on writing where by now another's are.
func putBack(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record, record.phase == .bootstrapped else { return nil }
    for member in seen.members where member.process == .none {
        guard member.directory == .aside else { continue }
        return .act(
            [.putBack(member: member.name, from: aside(member.name))],
            because: "it was put aside to make room for another's",
            .recovering
        )
    }
    let running = seen.members.filter { $0.owner != nil && $0.isRunning }.map(\.name)
    if let first = running.first {
        return .act(
            [.stop(members: running)],
            because: "the directory in \(first)'s place is another member's",
            .recovering
        )
    }
    let misplaced = seen.members.filter { $0.owner != nil && $0.process == .none }
    for member in misplaced {
        guard let home = seen.member(member.owner ?? ""), home.process == .none,
            home.directory == .gone
        else { continue }
        return .act(
            [.putBack(member: home.name, from: member.name)],
            because: "the directory in \(member.name)'s place is \(home.name)'s",
            .recovering
        )
    }
    for member in misplaced where isRound(from: member, among: misplaced) {
        guard let owner = member.owner else { continue }
        return .act(
            [.putAside(member: owner, from: member.name)],
            because: "the directory in \(member.name)'s place is \(owner)'s, whose own is taken",
            .recovering
        )
    }
    return nil
}

/// Going from a place to that of its directory's owner leads back to where it began.
private func isRound(from start: MemberObservation, among places: [MemberObservation]) -> Bool {
    var place: MemberObservation? = start
    for _ in places {
        place = places.first { $0.name == place?.owner }
        if place?.name == start.name { return true }
    }
    return false
}

extension MemberObservation {
    /// Whose directory stands in this member's place; nil when it is its own, or nobody's.
    fileprivate var owner: String? {
        if case .misplaced(let owner) = directory { owner } else { nil }
    }
}

/// Where a member's directory waits for its place: no member has such a name.
package func aside(_ member: String) -> String { ".\(member)" }
