import Raft

/// Proposals on their way into Raft. They wait here while there is no leader to take them, as they
/// would at the door of etcd's node; who proposed them gives up by its own time.
struct ProposalQueue {
    enum Proposal {
        case command([UInt8])
        case change(ConfChange)
    }

    private struct Item {
        let id: UInt64
        let proposal: Proposal
        let byteCount: Int
    }

    private var items: [Item] = []
    private(set) var byteCount = 0
    /// So much goes into one message to the leader.
    private static let batchBytes = 1 << 20
    /// About what a proposal and its waiter take besides the command.
    private static let overheadBytes = 256

    var isEmpty: Bool {
        items.isEmpty
    }

    mutating func add(_ proposal: Proposal, id: UInt64) {
        let size =
            switch proposal {
            case .command(let data): data.count + ProposalQueue.overheadBytes
            case .change(let change): change.context.count + ProposalQueue.overheadBytes
            }
        items.append(Item(id: id, proposal: proposal, byteCount: size))
        byteCount += size
    }

    /// Offers the proposals in order, commands that follow each other together, until one is not
    /// taken: that one and the rest stay. Those that nobody waits for any more are dropped.
    mutating func drain(
        isWanted: (UInt64) -> Bool,
        commands: ([[UInt8]]) -> Bool,
        change: (ConfChange) -> Bool
    ) {
        var done = 0
        while done < items.count {
            let end = batchEnd(from: done)
            let wanted = items[done..<end].filter { isWanted($0.id) }
            var datas: [[UInt8]] = []
            var taken = true
            for item in wanted {
                switch item.proposal {
                case .command(let data): datas.append(data)
                case .change(let value): taken = change(value)
                }
            }
            if !datas.isEmpty { taken = commands(datas) }
            guard taken else { break }
            done = end
        }
        byteCount -= items[..<done].reduce(0) { $0 + $1.byteCount }
        items.removeFirst(done)
    }

    /// A batch is one change, or commands up to the size of a message.
    private func batchEnd(from start: Int) -> Int {
        if case .change = items[start].proposal { return start + 1 }
        var size = 0
        var end = start
        while end < items.count, case .command = items[end].proposal {
            size += items[end].byteCount
            if size > ProposalQueue.batchBytes, end > start { break }
            end += 1
        }
        return end
    }
}
