extension MemoryDisk {
    /// How finely the writes that were not synced are cut.
    package enum Grain: Hashable, Sendable {
        /// At every boundary of a 512-byte sector.
        case sectors
        /// Also at every byte; of a write of more than 2048, at those near a sector's or its own
        /// ends.
        case bytes
    }

    /// Calls `body` with each disk that a machine may find that loses power now, and a few words
    /// on what is lost. Disks on which every path holds the same bytes are shown once.
    ///
    /// Of a file's unsynced changes these survive:
    ///
    ///     any number in order
    ///     any number in order, and the next one cut at every sector (or byte)
    ///     of any two such states, any set of sectors of the one and the rest of the other, with
    ///         the size of either (of more than five sectors: any number of the first or last,
    ///         each alone, all but each)
    ///
    /// and of the unsynced names any set (of more than four: the same as for sectors). Each file's
    /// cases meet all of the names and, of the other files, all and nothing. A sector is never
    /// older in one half than in the other, because it is written as the system's cache holds it.
    package func forEachPowerLoss(
        _ grain: Grain,
        _ body: (MemoryDisk, String) throws -> Void
    ) rethrows {
        let now = tree.withLock { $0 }
        var seen: Set<Int> = []
        for loss in now.losses(grain) {
            let after = now.survivor(of: loss)
            if seen.insert(after.fingerprint).inserted {
                try body(MemoryDisk(after.restarted()), loss.description)
            }
        }
    }
}

/// What survives of everything that was not synced.
private struct PowerLoss: CustomStringConvertible {
    /// Which of the name changes.
    var names: [Bool]
    /// The content of changed files.
    var contents: [(node: Int, content: [UInt8])]
    var description: String
}

/// One outcome for one thing, and its name.
private typealias Case<Value> = (label: String, value: Value)

extension MemoryTree {
    fileprivate func losses(_ grain: MemoryDisk.Grain) -> [PowerLoss] {
        let names = subsets(nameChanges.count, enumeratedUpTo: 4).map { kept -> Case<[Bool]> in
            ("names " + kept.map { $0 ? "+" : "-" }.joined(), kept)
        }
        let changed = nodes.indices.compactMap { number -> (Int, Node)? in
            guard let node = nodes[number], !node.changes.isEmpty else { return nil }
            return (number, node)
        }
        var losses: [PowerLoss] = []
        for othersSurvive in [false, true] {
            let others = changed.map { number, node in
                (node: number, content: othersSurvive ? node.newest : node.durableContent)
            }
            for kept in names {
                losses.append(
                    PowerLoss(
                        names: kept.value,
                        contents: others,
                        description: "\(kept.label), \(othersSurvive ? "all" : "no") content"
                    )
                )
            }
            for (position, (number, node)) in changed.enumerated() {
                for outcome in node.outcomes(grain) {
                    var contents = others
                    contents[position].content = outcome.value
                    for kept in names {
                        losses.append(
                            PowerLoss(
                                names: kept.value,
                                contents: contents,
                                description: "\(kept.label), file \(number): \(outcome.label)"
                            )
                        )
                    }
                }
            }
        }
        return losses
    }

    fileprivate func survivor(of loss: PowerLoss) -> MemoryTree {
        var after = self
        for (position, change) in nameChanges.enumerated() where loss.names[position] {
            after.makeDurable(change)
        }
        for (number, content) in loss.contents {
            after.nodes[number]?.durableContent = content
        }
        for number in after.nodes.indices where after.nodes[number] != nil {
            after.nodes[number]?.loseUnsynced()
        }
        after.nameChanges = []
        return after
    }

    /// Equal for trees with the same paths and bytes.
    fileprivate var fingerprint: Int {
        var hasher = Hasher()
        func add(_ number: Int) {
            guard let node = nodes[number] else { return }
            hasher.combine(node.isDirectory)
            hasher.combine(node.content)
            for (name, child) in node.names.sorted(by: { $0.key < $1.key }) {
                hasher.combine(name)
                add(child)
            }
            hasher.combine("end")
        }
        add(Self.root)
        return hasher.finalize()
    }
}

extension MemoryTree.Node {
    fileprivate var newest: [UInt8] {
        changes.reduce(into: durableContent) { $0.apply($1) }
    }

    fileprivate mutating func loseUnsynced() {
        names = durableNames
        changes = []
        content = durableContent
    }

    fileprivate func outcomes(_ grain: MemoryDisk.Grain) -> [Case<[UInt8]>] {
        var outcomes: [Case<[UInt8]>] = []
        var before = durableContent
        for (number, change) in changes.enumerated() {
            outcomes.append(("\(number) of \(changes.count) changes", before))
            if case .write(let offset, let bytes) = change {
                for kept in cuts(offset, bytes.count, grain) {
                    var cut = before
                    cut.apply(.write(at: offset, bytes: Array(bytes.prefix(kept))))
                    outcomes.append(("change \(number) cut at \(offset + kept)", cut))
                }
            }
            before.apply(change)
        }
        outcomes.append(("all changes", before))
        let versions = self.versions
        for newer in versions.indices {
            for older in 0..<newer {
                for mixed in mixtures(of: versions[older], versions[newer]) {
                    outcomes.append(("\(mixed.label) of changes \(older)..<\(newer)", mixed.value))
                }
            }
        }
        return outcomes
    }

    /// The content after each number of changes.
    private var versions: [[UInt8]] {
        var versions = [durableContent]
        for change in changes {
            var next = versions[versions.count - 1]
            next.apply(change)
            versions.append(next)
        }
        return versions
    }

    /// Where a write of `count` bytes at `offset` is cut, counted from its start.
    private func cuts(_ offset: Int, _ count: Int, _ grain: MemoryDisk.Grain) -> [Int] {
        guard count > 1 else { return [] }
        return (1..<count).filter { kept in
            let inSector = (offset + kept) % 512
            guard grain == .bytes, inSector != 0 else { return inSector == 0 }
            return count <= 2048 || min(kept, count - kept) < 256 || !(40..<472).contains(inSector)
        }
    }

    /// The contents in which each sector is one's or the other's.
    private func mixtures(of old: [UInt8], _ new: [UInt8]) -> [Case<[UInt8]>] {
        func sector(_ content: [UInt8], _ start: Int) -> ArraySlice<UInt8> {
            start < content.count ? content[start..<min(start + 512, content.count)] : []
        }
        let changed = stride(from: 0, to: max(old.count, new.count), by: 512).filter {
            sector(old, $0) != sector(new, $0)
        }
        var mixtures: [Case<[UInt8]>] = []
        for kept in subsets(changed.count, enumeratedUpTo: 5) {
            for size in Set([old.count, new.count]).sorted() {
                var torn = old
                torn.apply(.truncate(to: size))
                for (start, isKept) in zip(changed, kept) where isKept && start < size {
                    let bytes = sector(new, start).prefix(size - start)
                    torn.replaceSubrange(start..<(start + bytes.count), with: bytes)
                }
                let label = kept.map { $0 ? "+" : "-" }.joined()
                mixtures.append(("sectors \(label), size \(size)", torn))
            }
        }
        return mixtures
    }
}

/// Which of `count` things survive: every set of up to `limit` things; of more, any number of the
/// first, any number of the last, all but one, and just one.
private func subsets(_ count: Int, enumeratedUpTo limit: Int) -> [[Bool]] {
    if count <= limit {
        return (0..<(1 << count)).map { bits in (0..<count).map { bits >> $0 & 1 == 1 } }
    }
    var subsets: [[Bool]] = []
    for number in 0...count {
        subsets.append((0..<count).map { $0 < number })
        subsets.append((0..<count).map { $0 >= number })
        subsets.append((0..<count).map { $0 == number })
        subsets.append((0..<count).map { $0 != number })
    }
    return subsets
}
