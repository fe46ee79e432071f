import Chance

/// What the world's spec says of how members are launched.
struct DeclaredSettings: Hashable {
    var snapshotCount = 10_000
    /// Milliseconds.
    var beat = 100
    /// Milliseconds.
    var timeout = 1_000
    /// With a flag that no member knows.
    var isNonsense = false
    var isEtcd = false

    /// The flag that no member knows.
    static let nonsense = "nonsense"

    /// What somebody makes of it.
    mutating func change(_ generator: inout Generator) {
        isNonsense = false
        switch generator.below(8) {
        case 0, 1, 2: snapshotCount = generator.within(1...9_999)
        case 3, 4:
            (beat, timeout) = generator.pick([
                (100, 1_000), (10, 100), (500, 5_000), (100, 5_000), (1_000, 10_000),
            ])
        case 5, 6: isNonsense = true
        default: isEtcd.toggle()
        }
    }

    /// The lines of the spec.
    var text: String {
        """
          engine: \(isEtcd ? "{ type: etcd, etcd: { binary: /bin/etcd } }" : "{ type: embedded }")
          settings:
            snapshotCount: \(snapshotCount)
            heartbeatInterval: \(beat)ms
            electionTimeout: \(timeout)ms
            extraArgs: \(isNonsense ? "{ \(Self.nonsense): \"1\" }" : "{}")
        """
    }

    /// A process was started with this.
    func isIn(_ flags: [String: String]) -> Bool {
        flags["snapshot-count"] == "\(snapshotCount)" && flags["heartbeat-interval"] == "\(beat)"
            && flags["election-timeout"] == "\(timeout)"
            && (flags[Self.nonsense] != nil) == isNonsense
            && (flags["compatibility"] == nil) == isEtcd
    }
}
