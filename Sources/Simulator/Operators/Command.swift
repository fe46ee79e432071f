/// What an entry of a simulated member's log asks for.
enum Command: Hashable {
    /// A leader's first entry.
    case nothing
    case put(key: String, value: String)
    case add(UInt64, url: String, isLearner: Bool)
    /// A member tells its name, once it has started.
    case name(UInt64, String)
    case promote(UInt64)
    case remove(UInt64)
    /// A restored cluster goes on from here.
    case begin(revision: Int64)

    /// It changes who the members are.
    var isReconfiguration: Bool {
        switch self {
        case .add, .promote, .remove: true
        case .nothing, .put, .name, .begin: false
        }
    }
}

extension Command {
    /// As it stands in the log.
    var bytes: [UInt8] { Array(text.utf8) }

    private var text: String {
        switch self {
        case .nothing: ""
        case .put(let key, let value): "put \(key) \(value)"
        case .add(let id, let url, let isLearner): "add \(id) \(url) \(isLearner)"
        case .name(let id, let name): "name \(id) \(name)"
        case .promote(let id): "promote \(id)"
        case .remove(let id): "remove \(id)"
        case .begin(let revision): "begin \(revision)"
        }
    }

    init(_ bytes: [UInt8]) {
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        func number(_ position: Int) -> UInt64 { UInt64(words[position]) ?? 0 }
        switch (words.first, words.count) {
        case ("put", 3): self = .put(key: words[1], value: words[2])
        case ("add", 4): self = .add(number(1), url: words[2], isLearner: words[3] == "true")
        case ("name", 3): self = .name(number(1), words[2])
        case ("promote", 2): self = .promote(number(1))
        case ("remove", 2): self = .remove(number(1))
        case ("begin", 2): self = .begin(revision: Int64(number(1)))
        case (nil, _): self = .nothing
        default: fatalError("no command: \(words)")
        }
    }
}

/// Who belongs to a simulated cluster, as one member has applied it.
struct Roster: Hashable {
    struct Member: Hashable {
        let id: UInt64
        var name: String
        let url: String
        var isLearner: Bool
    }

    /// In the order of their ids, as etcd lists them.
    private(set) var members: [Member] = []
    private(set) var removed: Set<UInt64> = []

    var voters: [Member] { members.filter { !$0.isLearner } }
    var quorum: Int { voters.count / 2 + 1 }

    func member(_ id: UInt64) -> Member? {
        members.first { $0.id == id }
    }

    mutating func apply(_ command: Command) {
        switch command {
        case .add(let id, let url, let isLearner):
            members.append(Member(id: id, name: "", url: url, isLearner: isLearner))
            members.sort { $0.id < $1.id }
        case .name(let id, let name):
            if let index = members.firstIndex(where: { $0.id == id }) { members[index].name = name }
        case .promote(let id):
            if let index = members.firstIndex(where: { $0.id == id }) {
                members[index].isLearner = false
            }
        case .remove(let id):
            members.removeAll { $0.id == id }
            removed.insert(id)
        case .nothing, .put, .begin: break
        }
    }
}
