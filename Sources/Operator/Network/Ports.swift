package import Planning
import Synchronization

/// Which ports belong to which cluster (safety rule 37).
///
/// A cluster gets one block, written into its record, and keeps it: a member whose port is taken
/// by somebody else is reported, never moved. Blocks that we choose lie outside the range from
/// which the kernel takes ports for outgoing connections, else any client of anything could sit on
/// a member's port. A slot has two ports: an even offset for clients, an odd one for peers.
package final class Ports: Sendable {
    /// Room for nine members and one that replaces another.
    static let block = 20
    private static let first = 23_790

    private let taken: Mutex<[String: Set<Int>]>
    private let check: @Sendable (String, Int) -> PortCheck
    private let holder: @Sendable (Int) -> String
    private let ephemeral: ClosedRange<Int>

    /// - Parameters:
    ///   - records: What is recorded already.
    ///   - check: Whether a port can be listened on now.
    ///   - holder: Who listens on a port, for people.
    ///   - ephemeral: Ports that the kernel gives to outgoing connections.
    package init(
        records: [ClusterRecord],
        check: @escaping @Sendable (String, Int) -> PortCheck = PortCheck.of,
        holder: @escaping @Sendable (Int) -> String = { PortHolder().describe(port: $0) },
        ephemeral: ClosedRange<Int> = Ports.ephemeralRange()
    ) {
        var taken: [String: Set<Int>] = [:]
        for record in records {
            taken[record.uid, default: []].formUnion(Ports.all(in: record.slots))
        }
        self.taken = Mutex(taken)
        self.check = check
        self.holder = holder
        self.ephemeral = ephemeral
    }

    /// Ports for a new cluster. The base is the user's when it is not zero: then those ports are
    /// used or none. What the cluster had before stays its own until `reserve` tells that the new
    /// ones are written down.
    package func allocate(
        _ count: Int,
        base: Int,
        address: String,
        uid: String
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        // Choosing and reserving are one step: clusters come up side by side.
        try taken.withLock { taken throws(OperatorError) in
            let others = taken.filter { $0.key != uid }.values.reduce(into: Set()) { union, ports in
                union.formUnion(ports)
            }
            let slots =
                base == 0
                ? try choose(count, address, avoiding: others)
                : try claim(Ports.slots(count, from: base), address, avoiding: others)
            taken[uid, default: []].formUnion(Ports.all(in: slots))
            return slots
        }
    }

    private func claim(
        _ slots: [ClusterRecord.Slot],
        _ address: String,
        avoiding others: Set<Int>
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        if let clash = Ports.all(in: slots).filter(others.contains).min() {
            throw OperatorError(
                .portInUse,
                "port \(clash) belongs to another cluster of this operator",
                at: address,
                remedy: "choose another spec.network.basePort, or 0 to have one chosen"
            )
        }
        try probe(slots, address)
        return slots
    }

    /// Ports for one more member of a cluster, in its block: a pair that is nobody's and free. The
    /// pairs take turns, since members that lag behind still know who left by its address, and
    /// would take who comes for that one.
    func extend(_ record: ClusterRecord) throws(OperatorError) -> ClusterRecord.Slot {
        guard let first = record.slots.min(by: { $0.number < $1.number }) else {
            throw OperatorError(.state, "the record names no ports", at: record.name)
        }
        let base = first.clientPort - 2 * first.number
        let used = Set(record.slots.map(\.number))
        let others = taken.withLock { taken in
            taken.filter { $0.key != record.uid }.values.reduce(into: Set()) { $0.formUnion($1) }
        }
        var failure: OperatorError?
        let slots = Ports.slots(Ports.block / 2, from: base)
        let turn = record.nextOrdinal % slots.count
        for slot in slots[turn...] + slots[..<turn] where !used.contains(slot.number) {
            guard Ports.all(in: [slot]).isDisjoint(with: others) else { continue }
            do throws(OperatorError) {
                try probe([slot], record.address)
                return slot
            } catch {
                failure = failure ?? error
            }
        }
        throw failure
            ?? OperatorError(
                .portInUse,
                "all ports from \(base) to \(base + Ports.block - 1) belong to others",
                at: record.address
            )
    }

    /// That every port of the slots can be listened on now.
    func probe(_ slots: [ClusterRecord.Slot], _ address: String) throws(OperatorError) {
        for port in slots.flatMap({ [$0.clientPort, $0.peerPort] }) {
            switch check(address, port) {
            case .free: continue
            case .busy:
                throw OperatorError(
                    .portInUse,
                    "the port is in use by \(holder(port))",
                    at: hostPort(address, port),
                    remedy: "stop that process, or choose another spec.network.basePort for a new "
                        + "cluster"
                )
            case .impossible(let why):
                throw OperatorError(
                    .portInUse,
                    "cannot listen here: \(why)",
                    at: hostPort(address, port),
                    remedy: "correct spec.network.address"
                )
            }
        }
    }

    /// These ports, and no others, are the cluster's from now on.
    package func reserve(_ record: ClusterRecord) {
        taken.withLock { $0[record.uid] = Ports.all(in: record.slots) }
    }

    /// The ports of a cluster that is no more.
    package func release(uid: String) {
        taken.withLock { $0[uid] = nil }
    }

    private func choose(
        _ count: Int,
        _ address: String,
        avoiding used: Set<Int>
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        for base in stride(from: Ports.first, to: 65_500 - Ports.block, by: Ports.block) {
            let block = base..<base + Ports.block
            let slots = Ports.slots(count, from: base)
            guard !block.contains(where: ephemeral.contains), !block.contains(where: used.contains)
            else { continue }
            let checks = Ports.all(in: slots).sorted().map { check(address, $0) }
            if case .impossible(let why)? = checks.first(where: { $0 != .free && $0 != .busy }) {
                throw OperatorError(
                    .portInUse,
                    "cannot listen here: \(why)",
                    at: address,
                    remedy: "correct spec.network.address"
                )
            }
            if checks.allSatisfy({ $0 == .free }) { return slots }
        }
        throw OperatorError(
            .portInUse,
            "no block of \(Ports.block) free ports was found",
            at: address,
            remedy: "set spec.network.basePort"
        )
    }

    private static func slots(_ count: Int, from base: Int) -> [ClusterRecord.Slot] {
        (0..<count).map {
            ClusterRecord.Slot(number: $0, clientPort: base + 2 * $0, peerPort: base + 2 * $0 + 1)
        }
    }

    private static func all(in slots: [ClusterRecord.Slot]) -> Set<Int> {
        Set(slots.flatMap { [$0.clientPort, $0.peerPort] })
    }

    package static func ephemeralRange() -> ClosedRange<Int> {
        let text = ProcFile.text("/proc/sys/net/ipv4/ip_local_port_range") ?? ""
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { return 32_768...60_999 }
        return numbers[0]...numbers[1]
    }
}
