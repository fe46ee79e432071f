import Keyspace

/// Those who watch one member: what `WatchService` is in the shipped program.
final class WatchPost {
    var hub: WatchHub
    var connections: [WatchConnection] = []
    var isCatchUpDue = false

    init(_ hub: WatchHub) {
        self.hub = hub
    }

    func connection(_ stream: WatchStreamID) -> WatchConnection? {
        connections.first { $0.stream == stream }
    }
}

/// A client's stream of watches, as its member and the sockets between them have it.
final class WatchConnection {
    enum Call {
        case create(Watch)
        case cancel(Int64)
        case progress
    }

    let machine: Int
    var stream: WatchStreamID
    unowned let client: Observer
    /// Told, and not taken by the client yet.
    var unsent: [WatchReply] = []
    /// Asked, while the stream was full.
    var calls: [Call] = []
    var isOpen = true
    /// The client is about to take something.
    var isReading = false
    var hasReports = false
    /// What was asked for and not yet begun, and what goes on, by its number: for a planted bug.
    var asked: [Watch] = []
    var begun: [Int64: Watch] = [:]

    init(_ machine: Int, _ stream: WatchStreamID, _ client: Observer) {
        self.machine = machine
        self.stream = stream
        self.client = client
    }

    var unsentBytes: Int { unsent.reduce(0) { $0 + $1.size } }
}
