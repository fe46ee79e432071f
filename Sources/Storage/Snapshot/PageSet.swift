/// A set of pages, a bit for each page of a file.
struct PageSet {
    private var words: [UInt64]
    private(set) var count = 0

    init(count: Int) {
        words = [UInt64](repeating: 0, count: (count + 63) / 64)
    }

    func contains(_ page: UInt64) -> Bool {
        words[Int(page / 64)] & bit(page) != 0
    }

    /// False when the page was there already.
    @discardableResult
    mutating func insert(_ page: UInt64) -> Bool {
        guard !contains(page) else { return false }
        words[Int(page / 64)] |= bit(page)
        count += 1
        return true
    }

    mutating func formUnion(_ other: PageSet) {
        for position in words.indices { words[position] |= other.words[position] }
        count = words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    private func bit(_ page: UInt64) -> UInt64 { 1 << (page % 64) }
}
