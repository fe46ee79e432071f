import Operator
import Planning
import Synchronization

/// A cluster in memory to which a test can do anything: lose answers, turn requests away, change
/// behind the operator's back. What it was asked stands in `asked`.
final class ScriptedMembers: Members {
    struct State {
        var list: MemberList
        /// Lists that some URLs give instead; nil of a URL that gives none.
        var lists: [String: MemberList?] = [:]
        /// How requests fail, by their verbs.
        var failures: [String: MemberError] = [:]
        /// Verbs of which the request is carried out although it fails.
        var isDoneAnyway: Set<String> = []
        var hashes: [String: HashComparison.Answer] = [:]
        /// What looking at a URL gives.
        var look: @Sendable (String, MemberList) -> MemberLook = { _, _ in
            MemberLook(probe: Probe(.unknown))
        }
        var asked: [String] = []
    }

    private let state: Mutex<State>

    init(_ list: MemberList) {
        state = Mutex(State(list: list))
    }

    var asked: [String] { state.withLock { $0.asked } }
    var list: MemberList { state.withLock { $0.list } }

    func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
    }

    /// The next requests of this kind are carried out, and nobody is told.
    func loseAnswers(to verb: String) {
        change { state in
            state.failures[verb] = MemberError(.unclear, "\(verb): request timed out")
            state.isDoneAnyway.insert(verb)
        }
    }

    private func perform(
        _ verb: String,
        _ words: String,
        _ body: (inout State) -> Void = { _ in }
    ) throws(MemberError) {
        let failure = state.withLock { state in
            state.asked.append("\(verb) \(words)")
            let failure = state.failures[verb]
            if failure == nil || state.isDoneAnyway.contains(verb) { body(&state) }
            return failure
        }
        if let failure { throw failure }
    }

    func look(at urls: [String]) async -> [MemberLook] {
        let (list, look) = state.withLock { ($0.list, $0.look) }
        return urls.map { look($0, list) }
    }

    func list(from url: String) async throws(MemberError) -> MemberList {
        let answer = state.withLock { $0.lists[url] ?? $0.list }
        guard let answer else { throw MemberError(.unclear, "\(url): connection refused") }
        return answer
    }

    func addLearner(peerURL: String, through url: String) async throws(MemberError) -> String {
        try perform("add", peerURL) { state in
            state.list.entries.append(
                .init(id: "f9", name: "", isLearner: true, peerURLs: [peerURL])
            )
        }
        return "f9"
    }

    func remove(_ id: String, through url: String) async throws(MemberError) {
        try perform("remove", id) { state in state.list.entries.removeAll { $0.id == id } }
    }

    func promote(_ id: String, through url: String) async throws(MemberError) {
        try perform("promote", id) { state in
            for index in state.list.entries.indices where state.list.entries[index].id == id {
                state.list.entries[index].isLearner = false
            }
        }
    }

    func moveLeader(to id: String, from leader: String) async throws(MemberError) {
        try perform("move", "\(leader) \(id)")
    }

    func hash(at revision: Int64, of url: String) async throws(MemberError)
        -> HashComparison.Answer
    {
        try perform("hash", "\(url) \(revision)")
        guard let answer = state.withLock({ $0.hashes[url] }) else {
            throw MemberError(.refused, "required revision has been compacted")
        }
        return answer
    }

    func compact(to revision: Int64, through url: String) async throws(MemberError) {
        try perform("compact", "\(revision)")
    }

    func defragment(_ url: String) async throws(MemberError) {
        try perform("defragment", url)
    }

    func disarm(_ alarm: Alarm, through url: String) async throws(MemberError) {
        try perform("disarm", alarm.memberID)
    }

    func settle(through url: String) async throws(MemberError) {
        try perform("settle", url)
    }

    func close() async {}
}
