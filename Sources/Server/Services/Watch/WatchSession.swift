import EtcdProto
import GRPC
import Keyspace
import NIOCore
import SwiftProtobuf

/// One client's stream of watches.
final class WatchSession {
    let stream: ServerStream
    let id: WatchStreamID
    /// The next periodic progress report.
    var report: Scheduled<Void>?
    private var isPaused = false

    init(_ stream: ServerStream, _ id: WatchStreamID) {
        self.stream = stream
        self.id = id
    }

    /// A client that does not take replies may ask for nothing more.
    func setPaused(_ isPaused: Bool) {
        guard isPaused != self.isPaused else { return }
        self.isPaused = isPaused
        if isPaused { stream.pauseReading() } else { stream.resumeReading() }
    }
}
