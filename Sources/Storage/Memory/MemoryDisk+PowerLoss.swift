extension MemoryDisk {
    /// How finely a power loss cuts what was being written.
    package enum Tear: Hashable, Sendable, CaseIterable {
        /// Nothing that was not synced survives.
        case nothing
        /// Everything survives: only the process was lost.
        case everything
        /// Any set of 512-byte sectors and any set of names; a file's size is the old or the new.
        case sectors
        /// What was written first, up to some byte; and what was named first.
        case bytes
    }

    /// The disk that a machine finds after losing power now. Which unsynced writes and names
    /// survive is decided by `seed`; `tear` fixes the manner, which else the seed chooses too.
    package func afterPowerLoss(seed: UInt64, tear: Tear? = nil) -> MemoryDisk {
        var chance = Chance(state: seed)
        let tear = tear ?? Tear.allCases[chance.below(Tear.allCases.count)]
        var after = tree.withLock { $0 }
        let namesKept = chance.below(after.nameChanges.count + 1)
        for (position, change) in after.nameChanges.enumerated() {
            let survives =
                switch tear {
                case .nothing: false
                case .everything: true
                case .sectors: chance.below(2) == 0
                case .bytes: position < namesKept
                }
            if survives { after.makeDurable(change) }
        }
        for number in after.nodes.indices {
            guard var node = after.nodes[number] else { continue }
            node.names = node.durableNames
            if !node.changes.isEmpty {
                switch tear {
                case .nothing: break
                case .everything: node.changes.forEach { node.durableContent.apply($0) }
                case .sectors: node.tearBySectors(&chance)
                case .bytes: node.tearByBytes(&chance)
                }
            }
            node.changes = []
            node.content = node.durableContent
            after.nodes[number] = node
        }
        return MemoryDisk(after.restarted())
    }
}

extension MemoryTree {
    /// The same tree on a machine that has just started.
    func restarted() -> MemoryTree {
        var tree = MemoryTree(syncsLeft: nil, capacity: capacity)
        tree.nodes = nodes
        tree.recountUse()
        return tree
    }
}

extension MemoryTree.Node {
    fileprivate mutating func tearBySectors(_ chance: inout Chance) {
        var newest = durableContent
        changes.forEach { newest.apply($0) }
        let size = chance.below(2) == 0 ? durableContent.count : newest.count
        var torn = [UInt8](repeating: 0, count: size)
        for start in stride(from: 0, to: size, by: 512) {
            let source = chance.below(2) == 0 ? durableContent : newest
            let end = min(start + 512, size, source.count)
            if start < end {
                torn.replaceSubrange(start..<end, with: source[start..<end])
            }
        }
        durableContent = torn
    }

    fileprivate mutating func tearByBytes(_ chance: inout Chance) {
        let whole = chance.below(changes.count + 1)
        changes.prefix(whole).forEach { durableContent.apply($0) }
        guard whole < changes.count, case .write(let offset, let bytes) = changes[whole] else {
            return
        }
        let kept = chance.below(bytes.count + 1)
        durableContent.apply(.write(at: offset, bytes: Array(bytes.prefix(kept))))
    }
}

/// SplitMix64, so that a seed means the same on every toolchain.
private struct Chance {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Int(mixed.multipliedFullWidth(by: UInt64(bound)).high)
    }
}
