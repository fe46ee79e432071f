/// Draws election timeouts, so that two nodes seldom campaign at once: SplitMix64 (Steele, Lea,
/// Flood 2014), decided by the seed alone.
struct ElectionTimer {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A number of ticks in `base..<2 * base`.
    mutating func timeout(base: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return base + Int(mixed.multipliedFullWidth(by: UInt64(base)).high)
    }
}
