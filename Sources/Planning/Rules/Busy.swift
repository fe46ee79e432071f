/// While a step goes on that takes long nothing is begun but starts and what a lost majority needs:
/// the member that it is about may answer nobody until then, and only one step at a time may take
/// something away (safety rule 13).
func busy(_ seen: Observation, _ findings: inout Findings) -> Plan? {
    guard let step = seen.underWay else { return nil }
    return .wait(for: step.end, because: "it was begun", .running)
}
