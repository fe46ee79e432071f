/// SplitMix64 (Steele, Lea, Flood 2014) with bounded draws of its own, because those of the
/// standard library may change between toolchains and would break old seeds.
package struct Generator: Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    /// 64 uniform bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in 0..<`bound`; `bound` must be positive. The bias of multiply-shift is below
    /// `bound` / 2^64.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number in `range`.
    package mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True with the given probability (0...1).
    package mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    /// One of `items`, which must not be empty.
    package mutating func pick<Item>(_ items: [Item]) -> Item {
        items[below(items.count)]
    }

    /// `count` random bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// Puts `items` into a random order (Fisher and Yates).
    package mutating func shuffle<Item>(_ items: inout [Item]) {
        for index in items.indices.dropFirst().reversed() {
            items.swapAt(index, below(index + 1))
        }
    }
}
