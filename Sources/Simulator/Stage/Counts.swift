/// How often each of several kinds happened.
package struct Counts<Kind: CaseIterable & Equatable>: Hashable, Sendable {
    private var counts = Array(repeating: 0, count: Kind.allCases.count)

    package init() {}

    package subscript(_ kind: Kind) -> Int {
        get { counts[Self.position(of: kind)] }
        set { counts[Self.position(of: kind)] = newValue }
    }

    package static func += (left: inout Counts, right: Counts) {
        for position in left.counts.indices { left.counts[position] += right.counts[position] }
    }

    private static func position(of kind: Kind) -> Int {
        var position = 0
        for other in Kind.allCases {
            if other == kind { return position }
            position += 1
        }
        return 0
    }
}

extension Counts {
    /// As part of a line: `3,0,17`.
    var text: String {
        counts.map(String.init).joined(separator: ",")
    }

    init(text: some StringProtocol) {
        for (position, count) in text.split(separator: ",").enumerated()
        where position < counts.count {
            counts[position] = Int(count) ?? 0
        }
    }
}

/// How often each kind of fault was injected.
package typealias FaultCounts = Counts<Fault>
