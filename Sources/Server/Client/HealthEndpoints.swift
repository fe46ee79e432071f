import EtcdProto
import Keyspace
import Member
import NIOHTTP1

/// What a member answers to HTTP/1.1 on its client port: whether it is well, and its version.
///
/// `/health` is etcd's JSON; `/livez` and `/readyz` are 3.6's plain texts. A member is live when
/// it can read its own state, and ready when a linearizable read succeeds too.
final class HealthEndpoints {
    private let loop: MemberLoop
    private let announced: AnnouncedVersion

    init(loop: MemberLoop, announced: AnnouncedVersion) {
        self.loop = loop
        self.announced = announced
    }

    func answer(_ head: HTTPRequestHead, _ reply: @escaping (HTTPAnswer) -> Void) {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = Query(parts.count > 1 ? parts[1] : "")
        switch parts[0] {
        case "/health": onGet(head, reply) { self.health(query, reply) }
        case "/version":
            onGet(head, reply) {
                reply(.json(VersionDocument.text(self.announced, self.loop.member)))
            }
        case "/livez": onGet(head, reply) { self.probe([.serializableRead], query, reply) }
        case "/readyz":
            onGet(head, reply) {
                self.probe([.dataCorruption, .serializableRead, .linearizableRead], query, reply)
            }
        default: reply(.notFound)
        }
    }

    private func onGet(
        _ head: HTTPRequestHead,
        _ reply: (HTTPAnswer) -> Void,
        _ body: () -> Void
    ) {
        guard head.method == .GET else { return reply(.methodNotAllowed("GET")) }
        body()
    }

    // MARK: /health

    private func health(_ query: Query, _ reply: @escaping (HTTPAnswer) -> Void) {
        let excluded = query.values("exclude")
        if let alarm = loop.member.keyspace.alarms.first(where: {
            !excluded.contains(Alarms.name(of: $0.alarm))
        }) {
            return reply(Self.document("ALARM \(Alarms.name(of: alarm.alarm))"))
        }
        if query.isOn("serializable") { return reply(Self.document(nil)) }
        guard loop.member.leader != .none else { return reply(Self.document("RAFT NO LEADER")) }
        linearizableRead { error in
            reply(Self.document(error.map { "RANGE ERROR:\($0.message)" }))
        }
    }

    private static func document(_ problem: String?) -> HTTPAnswer {
        let text =
            "{\"health\":\"\(problem == nil)\",\"reason\":" + JSONText.string(problem ?? "") + "}"
        if problem == nil { return .json(text) }
        return .error(.serviceUnavailable, text)
    }

    private func linearizableRead(_ done: @escaping (EtcdError?) -> Void) {
        loop.member.read(done)
        loop.noteRequest()
    }

    // MARK: /livez and /readyz

    private enum Check: String {
        case dataCorruption = "data_corruption"
        case serializableRead = "serializable_read"
        case linearizableRead = "linearizable_read"
    }

    private func probe(
        _ checks: [Check],
        _ query: Query,
        _ reply: @escaping (HTTPAnswer) -> Void
    ) {
        let excluded = query.values("exclude")
        let wanted = checks.filter { !excluded.contains($0.rawValue) }
        var lines: [String] = []
        var isWell = true
        func note(_ check: Check, _ problem: String?) {
            isWell = isWell && problem == nil
            let outcome = problem.map { "failed: \($0)" } ?? "ok"
            lines.append("[\(problem == nil ? "+" : "-")]\(check.rawValue) \(outcome)")
        }
        func finish() {
            let list = lines.joined(separator: "\n")
            if !isWell {
                reply(.error(.serviceUnavailable, list + "\n\(isWell ? "ok" : "not ok")"))
            } else {
                let text = query.isOn("verbose") ? list + "\nok\n" : "ok\n"
                reply(HTTPAnswer(.ok, ["Content-Type": "text/plain"], body: Array(text.utf8)))
            }
        }
        for check in wanted where check != .linearizableRead {
            let isCorrupt = loop.member.keyspace.alarms.contains { $0.alarm == .corrupt }
            note(check, check == .dataCorruption && isCorrupt ? "alarm activated: CORRUPT" : nil)
        }
        guard wanted.contains(.linearizableRead) else { return finish() }
        linearizableRead { error in
            note(.linearizableRead, error?.message)
            finish()
        }
    }
}

/// The pairs behind the `?` of a URL, percent signs left as they are: all known values are words.
struct Query {
    private let pairs: [(String, String)]

    init(_ text: some StringProtocol) {
        pairs = text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    func values(_ name: String) -> [String] {
        pairs.filter { $0.0 == name }.map(\.1)
    }

    /// `name`, `name=true` or `name=1`.
    func isOn(_ name: String) -> Bool {
        values(name).contains { ["", "true", "1", "True", "TRUE", "t", "T"].contains($0) }
    }
}
