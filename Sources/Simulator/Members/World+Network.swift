import EtcdProto
import Member
package import Raft

extension World {
    func send(_ message: Message, from index: Int) {
        let machine = machines[index]
        report(DurabilityChecker.check(sent: message, by: machine.name, machine.durable))
        guard let to = machines.firstIndex(where: { $0.id.node == message.to }) else { return }
        if drops?(message) == true { return }
        let arrivals = stage.network.arrivals(
            from: index,
            to: to,
            isOnce: message.kind == .propose,
            now: stage.now
        )
        guard let first = arrivals.0 else { return }
        let bytes = message.encoded()
        stage.planArrival(at: to, in: first) { [unowned self] in deliver(bytes, to: to) }
        guard let second = arrivals.1 else { return }
        stage.planArrival(at: to, in: second) { [unowned self] in deliver(bytes, to: to) }
    }

    private func deliver(_ bytes: [UInt8], to index: Int) {
        guard let member = machines[index].member, !machines[index].isReopening else { return }
        do {
            let message = try Message(decoding: bytes)
            stage.note(
                .message,
                index,
                message.kind.rawValue << 32 | UInt64(message.entries.count),
                message.term.rawValue,
                message.index.rawValue
            ) {
                let from = machines.first { $0.id.node == message.from }?.name ?? "?"
                return "receives from \(from) \(message.summary)"
            }
            member.receive(message)
            wake(index)
        } catch {
            stage.report("messages survive the wire", "\(error)")
        }
    }

    func connect(_ left: Int, _ right: Int) {
        guard isRunning(left), isRunning(right), stage.network.areConnected(left, right) else {
            return
        }
        let version = MemberConfiguration.announced
        for (here, there) in [(left, right), (right, left)] {
            machines[here].member?.peerConnected(machines[there].id)
            machines[here].member?.reportVersion(version, of: machines[there].id)
        }
    }

    func disconnect(_ left: Int, _ right: Int) {
        machines[left].member?.peerDisconnected(machines[right].id)
        machines[right].member?.peerDisconnected(machines[left].id)
    }

    /// Splits the network: nobody of one side hears anybody of the other.
    package func partition(_ side: [Int]) {
        for left in machines.indices where side.contains(left) {
            for right in machines.indices where !side.contains(right) {
                cut(left, right)
                cut(right, left)
            }
        }
    }

    /// Keeps one machine from hearing another.
    func cut(_ from: Int, _ to: Int) {
        stage.network.cut(from, to)
        disconnect(from, to)
    }

    func join(_ from: Int, _ to: Int) {
        stage.network.join(from, to)
        connect(from, to)
    }

    package func healNetwork() {
        stage.network.joinAll()
        for left in machines.indices {
            for right in machines.indices where right > left { connect(left, right) }
        }
    }
}

extension Message {
    /// What matters of it, in one line.
    package var summary: String {
        var text = "\(kind) term \(term)"
        if index > .zero || logTerm > .zero { text += " at \(index)/\(logTerm)" }
        if !entries.isEmpty { text += " with \(entries.count) entries" }
        if commit > .zero { text += " commit \(commit)" }
        if reject { text += " rejected" }
        if let snapshot { text += " snapshot \(snapshot.index)/\(snapshot.term)" }
        return text
    }
}
