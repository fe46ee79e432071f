import NIOCore

/// A call as the client's event loop sees it.
final class ClientCall {
    /// How the call tells its owner what happens, on the event loop.
    struct Events {
        /// A message, and how many octets of the window its arrival took.
        var message: (ByteBuffer) -> Void
        /// Octets have left the queue.
        var sent: () -> Void
        /// The end; called exactly once.
        var finished: (GRPCStatus, Metadata) -> Void
    }

    let number: UInt64
    let path: String
    let metadata: Metadata
    let timeout: TimeAmount?
    var events: Events?
    var id: Int32 = 0
    var slot = 0
    var reader: MessageReader
    var queue = MessageQueue()
    /// The client will queue no more.
    var hasEnded = false
    var deadline: Scheduled<Void>?
    /// True while octets that arrive are to be given back to the server at once.
    var consumesAtOnce = true
    /// Octets that were not.
    var unconsumed = 0

    // What the server has said.
    var httpStatus = 0
    var isGRPC = false
    var code: Int?
    var message = ""
    var trailers = Metadata()

    init(
        number: UInt64,
        path: String,
        metadata: Metadata,
        timeout: TimeAmount?,
        limit: Int,
        events: Events
    ) {
        self.number = number
        self.path = path
        self.metadata = metadata
        self.timeout = timeout
        self.events = events
        reader = MessageReader(limit: limit)
    }

    /// True once its owner has been told how it ended.
    var isFinished: Bool { events == nil }

    func finish(_ status: GRPCStatus) {
        guard let events else { return }
        self.events = nil
        deadline?.cancel()
        queue.removeAll()
        events.finished(status, trailers)
    }

    /// The status of a stream that the server has ended properly.
    var endStatus: GRPCStatus {
        if let code {
            guard let known = GRPCCode(rawValue: code) else {
                return GRPCStatus(.unknown, "status \(code): \(message)")
            }
            return GRPCStatus(known, message)
        }
        if httpStatus != 200 || !isGRPC {
            return GRPCStatus(
                Self.code(http: httpStatus),
                "unexpected HTTP status code received from server: \(httpStatus)"
            )
        }
        let text = "server closed the stream without sending trailers"
        return GRPCStatus(.internalError, text)
    }

    /// The status of a stream that was reset.
    static func status(reset code: UInt32) -> GRPCStatus {
        let name = HTTP2ErrorCode.name(of: code)
        let text = "stream terminated by RST_STREAM with error code: \(name)"
        let grpc: GRPCCode =
            switch HTTP2ErrorCode(rawValue: code) {
            case .refusedStream: .unavailable
            case .cancel: .cancelled
            case .enhanceYourCalm: .resourceExhausted
            case .inadequateSecurity: .permissionDenied
            default: .internalError
            }
        return GRPCStatus(grpc, text)
    }

    private static func code(http: Int) -> GRPCCode {
        switch http {
        case 400: .internalError
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }
}
