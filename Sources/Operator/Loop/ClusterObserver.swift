import ClusterAPI
import EtcdClient
package import NIOCore
import Planning

/// All reads of one pass: files, processes, and the members themselves, these in parallel and with
/// a bound on how long they may take.
package struct ClusterObserver: Sendable {
    let directory: ClusterDirectory
    let runtime: any Runtime
    let group: any EventLoopGroup
    /// What is remembered of each member between passes, by name.
    private var memories: [String: MemberMemory] = [:]

    package init(directory: ClusterDirectory, runtime: any Runtime, group: any EventLoopGroup) {
        self.directory = directory
        self.runtime = runtime
        self.group = group
    }

    /// What cannot be read off the world, only off its history.
    struct MemberMemory {
        var exits = ExitHistory()
        var failingSince: Duration?
        var hasServed = false
        var restarts = 0
        var client: EtcdClient?
        /// Why its data was found corrupt, while that is not written down.
        var untoldDamage: String?
    }

    /// An exit that this pass was the first to see.
    struct Exit: Hashable {
        let member: String
        let cause: ExitCause
    }

    mutating func observe(
        _ declared: EtcdCluster,
        missing: SpecMissing?,
        record: RecordState
    ) async -> (Observation, [Exit]) {
        let now = Instant(monotonic: monotonicNow(), wall: wallNow())
        var seen = Observation(name: declared.name, spec: declared.spec, now: now)
        seen.generation = declared.metadata.generation
        seen.record = record
        seen.missing = missing
        do throws(OperatorError) {
            // A start looks again for itself.
            try runtime.adopt(ifOlderThan: .seconds(1))
        } catch {
            seen.processesUnknown = error.description
        }
        guard case .read(let record) = record else {
            findLeftovers(&seen)
            return (seen, [])
        }
        let exits = record.members.flatMap { takeExits($0.name) }
        for member in record.members { seen.members.append(look(at: member, in: record)) }
        await probe(&seen, record)
        for member in seen.members { remember(member, now) }
        for index in seen.members.indices {
            let memory = memories[seen.members[index].name] ?? MemberMemory()
            seen.members[index].exits = memory.exits
            seen.members[index].failingSince = memory.failingSince
            seen.members[index].restarts = memory.restarts
        }
        return (seen, exits)
    }

    mutating func countRestart(_ member: String) {
        memories[member, default: MemberMemory()].restarts += 1
    }

    /// A start that the system refused counts as a run that failed at once.
    ///
    /// - Parameter isFirst: The member had never been launched before, so that nothing of it can
    ///   have run.
    mutating func countFailure(_ member: String, _ cause: ExitCause, isFirst: Bool) {
        let exit = ExitHistory.Exit(cause: cause, at: monotonicNow(), witnessed: isFirst)
        memories[member, default: MemberMemory()].exits.record(exit, served: false, ranFor: .zero)
    }

    /// Ends all connections.
    mutating func close() async {
        for name in memories.keys.sorted() {
            await memories[name]?.client?.close()
            memories[name]?.client = nil
        }
    }

    private mutating func look(at member: ClusterRecord.Member, in record: ClusterRecord)
        -> MemberObservation
    {
        let files = directory.member(member.name)
        if let damage = memories[member.name]?.untoldDamage { keep(damage, of: member.name) }
        var process = runtime.process(using: files.data)
        if process == .none {
            do throws(OperatorError) {
                try files.claim().release()
            } catch {
                process = .foreign(error.description)
            }
        }
        let isRunning = if case .running = process { true } else { false }
        var found = MemberObservation(
            name: member.name,
            directory: files.state(in: record),
            process: process,
            probe: Probe(isRunning ? .unknown : .exited)
        )
        if found.directory == .intact, let damage = memories[member.name]?.untoldDamage {
            found.directory = .damaged(damage)
        }
        return found
    }

    /// Writes down that a member found its data corrupt, so that no later operator starts it on
    /// them. Where that fails it is remembered, and tried again.
    private mutating func keep(_ damage: String, of member: String) {
        do throws(OperatorError) {
            try directory.member(member).mark(damage: damage)
            memories[member]?.untoldDamage = nil
        } catch {
            memories[member, default: MemberMemory()].untoldDamage = damage
        }
    }

    private mutating func takeExits(_ member: String) -> [Exit] {
        let files = directory.member(member)
        return runtime.takeEnded(files.data).map { ended in
            let log = MemberLog(path: files.log, disk: directory.disk)
            let cause = ended.wasAsked ? .stopped : ExitCause(ended.status, log: log.tail())
            let exit = ExitHistory.Exit(cause: cause, at: ended.at, witnessed: ended.witnessed)
            var memory = memories[member] ?? MemberMemory()
            memory.exits.record(exit, served: memory.hasServed, ranFor: ended.ranFor)
            memory.hasServed = false
            memory.failingSince = nil
            memories[member] = memory
            if cause.saysDataIsLost { keep("\(cause)", of: member) }
            return Exit(member: member, cause: cause)
        }
    }

    /// Asks every running member at once.
    private mutating func probe(_ seen: inout Observation, _ record: ClusterRecord) async {
        var probes: [(index: Int, probe: MemberProbe)] = []
        for (index, member) in record.members.enumerated() where seen.members[index].isRunning {
            probes.append((index, MemberProbe(client: client(of: member, record))))
        }
        await withTaskGroup(of: (Int, Probe, MemberList?).self) { group in
            for (index, probe) in probes {
                group.addTask {
                    let result = await probe.probe()
                    let list = result.isServing ? await probe.memberList() : nil
                    return (index, result, list)
                }
            }
            for await (index, result, list) in group {
                seen.members[index].probe = result
                if result.clusterID == record.clusterID, let list { seen.memberList = list }
            }
        }
    }

    private mutating func client(of member: ClusterRecord.Member, _ record: ClusterRecord)
        -> EtcdClient
    {
        if let client = memories[member.name]?.client { return client }
        let client = EtcdClient(endpoint: record.clientURL(of: member), group: group)
        memories[member.name, default: MemberMemory()].client = client
        return client
    }

    private mutating func remember(_ member: MemberObservation, _ now: Instant) {
        var memory = memories[member.name] ?? MemberMemory()
        if member.probe.isServing {
            memory.hasServed = true
            memory.failingSince = nil
        } else if member.isRunning, memory.failingSince == nil {
            memory.failingSince = now.monotonic
        }
        memories[member.name] = memory
    }

    /// What exists of a cluster without a record: anything of it forbids a new one.
    private func findLeftovers(_ seen: inout Observation) {
        do throws(OperatorError) {
            let members = try directory.memberNames()
            seen.leftovers = members.map { "\(directory.path)/members/\($0) exists" }
            seen.leftovers += try directory.traces()
            if try !directory.trashNames().isEmpty {
                seen.leftovers.append("\(directory.path)/trash is not empty")
            }
            for data in runtime.users(below: directory.path) {
                seen.leftovers.append("a process uses \(data)")
            }
            seen.rebuilt = try rebuiltRecord(members)
            if seen.rebuilt != nil, !runtime.users(below: directory.path).isEmpty {
                // What runs shall run, whatever an old copy says.
                seen.rebuilt?.desired = .up
            }
        } catch {
            seen.leftovers.append("\(directory.path) cannot be read (\(error))")
        }
    }

    /// The record as the members' directories tell it, if they all tell the same. Every member
    /// counts as launched in it, which forbids more and never less.
    private func rebuiltRecord(_ members: [String]) throws(OperatorError) -> ClusterRecord? {
        var copies: [ClusterRecord] = []
        for name in members {
            let files = directory.member(name)
            guard let identity = try files.identity(), let copy = try files.recordCopy(),
                identity.member == name, identity.uid == copy.uid
            else { return nil }
            copies.append(copy)
        }
        guard
            var record = copies.max(by: { left, right in
                left.accepted.metadata.generation < right.accepted.metadata.generation
            }),
            copies.allSatisfy({
                $0.uid == record.uid && $0.members.map(\.id) == record.members.map(\.id)
            }),
            record.flaw == nil, record.cluster == directory.name
        else { return nil }
        // A copy is renewed when an order is given and may have missed that; running by mistake is
        // worse than standing still, and nothing is deleted on the word of a copy.
        record.desired = copies.allSatisfy { $0.desired == .up } ? .up : .down
        return record
    }
}
