import Storage

/// A process of the world that runs a member's program.
final class SimulatedProcess {
    let id: Int32
    let data: String
    /// The flags, by name.
    let flags: [String: String]
    /// In microseconds.
    let since: Int
    /// The run of the operator that started it; 0: somebody else did.
    let parent: Int
    /// It is in no process table that the operator sees, as in another container.
    let isHidden: Bool
    /// It was sent SIGSTOP.
    var isStopped = false
    /// When it was sent SIGTERM.
    var terminatedAt: Int?
    /// It rewrites its database until then.
    var busyUntil = 0
    var lock: (any DiskLock)?
    /// Nil until it has read its log.
    var replica: Replica?

    init(
        id: Int32,
        data: String,
        _ arguments: [String],
        since: Int,
        parent: Int,
        isHidden: Bool
    ) {
        self.id = id
        self.data = data
        self.since = since
        self.parent = parent
        self.isHidden = isHidden
        var flags: [String: String] = [:]
        for argument in arguments {
            let parts = argument.drop { $0 == "-" }.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { flags[String(parts[0])] = String(parts[1]) }
        }
        self.flags = flags
    }

    /// Milliseconds.
    var beat: Int { flags["heartbeat-interval"].flatMap { Int($0) } ?? 0 }
    var timeout: Int { flags["election-timeout"].flatMap { Int($0) } ?? 0 }
    /// Of whose kind its data is.
    var engine: String { flags["compatibility"] == nil ? "etcd" : "embedded" }
    var name: String { flags["name"] ?? "" }
    var clientURL: String { flags["listen-client-urls"] ?? "" }
    var peerURL: String { flags["listen-peer-urls"] ?? "" }

    /// `--initial-cluster`, in its order.
    var initialCluster: [(name: String, url: String)] {
        (flags["initial-cluster"] ?? "").split(separator: ",").compactMap { part in
            let halves = part.split(separator: "=", maxSplits: 1).map(String.init)
            return halves.count == 2 ? (halves[0], halves[1]) : nil
        }
    }

    /// It takes part in what members do.
    var active: Replica? { isStopped ? nil : replica }

    func isBusy(at now: Int) -> Bool { now < busyUntil }

    func listens(on port: Int) -> Bool {
        clientURL.hasSuffix(":\(port)") || peerURL.hasSuffix(":\(port)")
    }
}
