package import ClusterAPI
package import Planning
import Synchronization

/// Which ports belong to which cluster (safety rule 37).
///
/// A cluster gets one block, written into its record, and keeps it until its spec names another: a
/// member whose port is taken by somebody else is reported, never moved. Blocks that we choose lie
/// outside the range from which the kernel takes ports for outgoing connections, else any client of
/// anything could sit on a member's port. A slot has two ports: an even offset for clients, an odd
/// one for peers.
package final class Ports: Sendable {
    static let block = 2 * ClusterRecord.Slot.count
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
        in network: ClusterSpec.Network,
        uid: String
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        // Choosing and reserving are one step: clusters come up side by side.
        try taken.withLock { taken throws(OperatorError) in
            let others = taken.filter { $0.key != uid }.values.reduce(into: Set()) { union, ports in
                union.formUnion(ports)
            }
            let slots =
                network.basePort == 0
                ? try choose(count, network.address, avoiding: others)
                : try claim(Ports.slots(count, in: network), avoiding: others)
            taken[uid, default: []].formUnion(Ports.all(in: slots))
            return slots
        }
    }

    private func claim(
        _ slots: [ClusterRecord.Slot],
        avoiding others: Set<Int>
    ) throws(OperatorError) -> [ClusterRecord.Slot] {
        if let clash = Ports.all(in: slots).filter(others.contains).min() {
            throw OperatorError(
                .portInUse,
                "port \(clash) belongs to another cluster of this operator",
                at: slots.first?.address ?? "",
                remedy: "choose another spec.network.basePort, or 0 to have one chosen"
            )
        }
        try probe(slots)
        return slots
    }

    /// Ports for one more member of a cluster: a pair that is nobody's and free, in the block that
    /// its spec names, or else in its own. The pairs take turns, since members that lag behind
    /// still know who left by its address, and would take who comes for that one.
    func extend(
        _ record: ClusterRecord,
        in network: ClusterSpec.Network
    ) throws(OperatorError) -> ClusterRecord.Slot {
        var network = network
        if network.basePort == 0 { network.basePort = record.block }
        let used = Set(record.slots)
        let others = taken.withLock { taken in
            taken.filter { $0.key != record.uid }.values.reduce(into: Set()) { $0.formUnion($1) }
        }
        var failure: OperatorError?
        let slots = Ports.slots(ClusterRecord.Slot.count, in: network)
        let turn = record.nextOrdinal % slots.count
        for slot in slots[turn...] + slots[..<turn] where !used.contains(slot) {
            guard Ports.all(in: [slot]).isDisjoint(with: others) else { continue }
            do throws(OperatorError) {
                try probe([slot])
                return slot
            } catch {
                failure = failure ?? error
            }
        }
        let last = network.basePort + Ports.block - 1
        throw failure
            ?? OperatorError(
                .portInUse,
                "all ports from \(network.basePort) to \(last) belong to other clusters",
                at: network.address,
                remedy: "choose another spec.network.basePort"
            )
    }

    /// That every port of the slots can be listened on now.
    func probe(_ slots: [ClusterRecord.Slot]) throws(OperatorError) {
        for (address, port) in slots.flatMap({ slot in
            [(slot.address, slot.clientPort), (slot.address, slot.peerPort)]
        }) {
            switch check(address, port) {
            case .free: continue
            case .busy:
                throw OperatorError(
                    .portInUse,
                    "the port is in use by \(holder(port))",
                    at: hostPort(address, port),
                    remedy: "stop that process, or choose another spec.network.basePort"
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
            let slots = Ports.slots(count, in: .init(address: address, basePort: base))
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

    private static func slots(
        _ count: Int,
        in network: ClusterSpec.Network
    ) -> [ClusterRecord.Slot] {
        (0..<count).map { .init(address: network.address, block: network.basePort, number: $0) }
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
