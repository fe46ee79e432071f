/// Nothing is decided on what cannot be read.
func trust(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    if case .unusable(let why) = seen.record {
        findings.note(.degraded, "RecordUnusable", why)
        return .refuse("RecordUnusable", because: why)
    }
    if case .read(let record) = seen.record, let flaw = record.flaw {
        let why = "cluster.json contradicts itself: \(flaw)"
        findings.note(.degraded, "RecordUnusable", why)
        return .refuse("RecordUnusable", because: why)
    }
    if let why = seen.processesUnknown {
        findings.note(.degraded, "ProcessesUnknown", why)
        return .wait(for: "the process table", because: why, .pending)
    }
    return nil
}
