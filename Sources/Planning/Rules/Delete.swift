import ClusterAPI

/// Deletion, and what a vanished spec means (safety rule 10): by default nothing.
func delete(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard case .read(let record) = seen.record else { return nil }
    if record.desired == .deleted { return remove(record, seen) }
    guard let missing = seen.missing, seen.spec.deletionPolicy == .delete else { return nil }
    let delay: Duration = .seconds(600)
    guard missing.sourceReadable else {
        findings.note(.unmet, "DeletionHeld", "the place the spec came from cannot be read")
        return nil
    }
    guard missing.vanishedTogether <= 1 else {
        findings.note(
            .unmet,
            "DeletionHeld",
            "\(missing.vanishedTogether) specs vanished together; that is no single deletion"
        )
        return nil
    }
    guard missing.lasting >= delay else {
        findings.note(
            .unmet,
            "DeletionPending",
            "the spec vanished; deletion comes ten minutes later"
        )
        return nil
    }
    return .act(
        [.latch(.deleted)],
        because:
            "spec vanished \(missing.lasting.components.seconds) s ago and "
            + "spec.deletionPolicy is Delete",
        .deleting
    )
}

private func remove(_ record: ClusterRecord, _ seen: Observation) -> Plan {
    if let stop = nextStop(record, seen) {
        return .act([stop], because: "the cluster is deleted", .deleting)
    }
    // A foreign process may hold the files open: nothing is moved from under it (safety rule 12).
    if let held = heldData(seen) { return .refuse("ForeignProcess", because: held, .deleting) }
    return .act([.discard], because: "the cluster is deleted", .deleting)
}
