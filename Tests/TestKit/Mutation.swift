/// Changes bytes as damage, a mistake or an attacker may: the shared mutator of the fuzz tests.
package struct Mutation: Sendable {
    /// Pieces that mean something in the format at hand.
    package var words: [[UInt8]]
    package var maxCount: Int

    package init(words: [[UInt8]] = [], maxCount: Int = 1 << 16) {
        self.words = words
        self.maxCount = maxCount
    }

    /// One to four changes; `other` is another example, parts of which may be put in.
    package func apply(
        to bytes: [UInt8],
        mixing other: [UInt8] = [],
        _ generator: inout Generator
    ) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.below(4) {
            change(&bytes, other, &generator)
            if bytes.count > maxCount { bytes.removeLast(bytes.count - maxCount) }
        }
        return bytes
    }

    private func change(_ bytes: inout [UInt8], _ other: [UInt8], _ generator: inout Generator) {
        let range = generator.range(in: bytes.count)
        switch generator.below(12) {
        case 0 where !bytes.isEmpty, 1 where !bytes.isEmpty:
            bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
        case 2 where !bytes.isEmpty:
            bytes[generator.below(bytes.count)] = generator.pick([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
        case 3: bytes.removeSubrange(range)
        case 4: bytes.insert(contentsOf: bytes[range], at: generator.below(bytes.count + 1))
        case 5:
            let count = generator.below(20)
            bytes.insert(contentsOf: generator.bytes(count), at: range.lowerBound)
        case 6: bytes.removeLast(bytes.count - range.upperBound)
        case 7: for index in range { bytes[index] = 0 }
        case 8:
            let part = other[generator.range(in: other.count)]
            bytes.replaceSubrange(range, with: part)
        case 9:
            let number = generator.edgeNumber()
            let width = generator.pick([2, 4, 8])
            let isBig = generator.chance(0.5)
            for place in 0..<min(width, bytes.count - range.lowerBound) {
                let shift = UInt64(8 * (isBig ? width - 1 - place : place))
                bytes[range.lowerBound + place] = UInt8(truncatingIfNeeded: number >> shift)
            }
        case 10 where !words.isEmpty:
            bytes.replaceSubrange(range, with: generator.pick(words))
        default:
            let word = words.isEmpty ? [] : generator.pick(words)
            bytes.insert(contentsOf: word, at: range.lowerBound)
        }
    }
}

extension Generator {
    /// A range of positions, mostly a short one.
    package mutating func range(in count: Int) -> Range<Int> {
        let start = below(count + 1)
        let most = chance(0.8) ? min(count - start, 16) : count - start
        return start..<(start + below(most + 1))
    }

    /// A number at which arithmetic goes wrong, or any.
    package mutating func edgeNumber() -> UInt64 {
        switch below(4) {
        case 0: UInt64(below(4))
        case 1: (1 << UInt64(below(64))) &- UInt64(below(3))
        case 2: .max &- UInt64(below(3))
        default: next() >> UInt64(below(64))
        }
    }
}
