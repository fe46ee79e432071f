import NIOCore

/// Decides when a connection is greeted too late, has been silent too long, or may be shut down.
struct ServerLiveness {
    /// What to do now, and how long to wait before looking again.
    enum Verdict: Equatable {
        case again(TimeAmount)
        case ping(TimeAmount)
        case finishShutdown
        case dead(String)
    }

    private enum Shutdown {
        case none
        case announced(NIODeadline)
        case final
    }

    private var keepalive: Keepalive
    private var shutdown = Shutdown.none
    /// The client's SETTINGS have come.
    var isGreeted = false

    /// How long to wait before the first look.
    let firstCheck: TimeAmount

    /// When the client must have greeted us.
    private let greetingDue: NIODeadline
    /// How long after the first GOAWAY the second is sent, if the client does not answer sooner.
    private let shutdownGrace: TimeAmount

    init(_ settings: GRPCKeepalive, now: NIODeadline) {
        greetingDue = now + settings.handshakeTimeout
        keepalive = Keepalive(time: settings.time, timeout: settings.timeout)
        shutdownGrace = settings.shutdownGrace
        firstCheck = min(settings.handshakeTimeout, settings.time)
    }

    /// The first GOAWAY has been sent, the second not.
    var isShuttingDown: Bool { if case .announced = shutdown { true } else { false } }

    /// Both have been sent.
    var isShutDown: Bool { if case .final = shutdown { true } else { false } }

    /// True the first time.
    mutating func beginShutdown(at now: NIODeadline) -> Bool {
        guard case .none = shutdown else { return false }
        shutdown = .announced(now)
        return true
    }

    /// True the first time after `beginShutdown`.
    mutating func finishShutdown() -> Bool {
        guard isShuttingDown else { return false }
        shutdown = .final
        return true
    }

    mutating func check(lastRead: NIODeadline, now: NIODeadline) -> Verdict {
        if case .announced(let time) = shutdown, now >= time + shutdownGrace {
            return .finishShutdown
        }
        guard isGreeted else {
            guard now < greetingDue else { return .dead("the client did not finish the handshake") }
            return .again(min(greetingDue - now, firstCheck))
        }
        return switch keepalive.check(lastRead: lastRead, now: now) {
        case .again(let time): .again(time)
        case .ping(let time): .ping(time)
        case .dead: .dead("the client does not answer pings")
        }
    }
}
