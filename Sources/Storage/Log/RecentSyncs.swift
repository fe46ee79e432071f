/// How long the last eight syncs took, in seconds.
struct RecentSyncs {
    private var seconds: [8 of Double] = .init(repeating: 0)
    private var count = 0

    mutating func add(_ duration: Double) {
        seconds[count % 8] = duration
        count += 1
    }

    /// 0 before the first.
    var longest: Double {
        var longest = 0.0
        for at in seconds.indices {
            longest = max(longest, seconds[at])
        }
        return longest
    }
}
