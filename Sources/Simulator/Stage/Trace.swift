/// What happened in a world: a digest of everything, and lines for people if they are wanted.
///
/// Two runs of one seed have the same digest, on every machine and in whatever order seeds run.
package struct Trace {
    /// What an event is; the raw value is part of the digest.
    package enum Kind: UInt8, Sendable {
        case start = 1
        case end
        case message
        case tick
        case write
        case sync
        case commit
        case apply
        case lead
        case ask
        case answer
        case fault
        case phase
        case violation
        case snapshot
        case watch
        case lease

        /// Whether it belongs to the short story of a run.
        var isHighlight: Bool {
            switch self {
            case .start, .end, .lead, .fault, .phase, .violation, .ask, .answer, .snapshot,
                .lease:
                true
            case .message, .tick, .write, .sync, .commit, .apply, .watch: false
            }
        }
    }

    /// How much is told as text.
    package enum Detail: Sendable {
        case nothing
        case highlights
        case everything
    }

    /// FNV-1a over the numbers of all events, eight bytes at a time.
    package private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    package private(set) var count = 0
    private let detail: Detail
    private let sink: (String) -> Void

    package init(_ detail: Detail = .nothing, sink: @escaping (String) -> Void = { _ in }) {
        self.detail = detail
        self.sink = sink
    }

    /// Notes an event of a machine (-1: of none) with the numbers that tell it from others.
    mutating func note(
        _ kind: Kind,
        at time: Int,
        _ machine: Int,
        _ first: UInt64 = 0,
        _ second: UInt64 = 0,
        _ third: UInt64 = 0,
        _ text: () -> String
    ) {
        count += 1
        mix(UInt64(kind.rawValue) << 56 | UInt64(UInt16(truncatingIfNeeded: machine)))
        mix(UInt64(bitPattern: Int64(time)))
        mix(first)
        mix(second)
        mix(third)
        switch detail {
        case .nothing: return
        case .highlights: if !kind.isHighlight { return }
        case .everything: break
        }
        sink(Trace.line(time, machine, text()))
    }

    private mutating func mix(_ number: UInt64) {
        digest = (digest ^ number) &* 0x0000_0100_0000_01B3
        digest ^= digest >> 29
    }

    /// `  12.345678  n3  became leader of term 4`
    private static func line(_ time: Int, _ machine: Int, _ text: String) -> String {
        let micros = String(time % 1_000_000)
        let seconds = String(time / 1_000_000)
        let clock =
            String(repeating: " ", count: max(0, 4 - seconds.count)) + seconds + "."
            + String(repeating: "0", count: 6 - micros.count) + micros
        let name = machine < 0 ? "--" : "n\(machine + 1)"
        return clock + "  " + name + String(repeating: " ", count: max(0, 4 - name.count)) + text
    }
}
