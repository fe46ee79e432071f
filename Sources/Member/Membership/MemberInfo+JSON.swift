import EtcdProto

extension MemberInfo {
    /// The member as the `members` bucket and bootstrap entries hold it.
    package var json: [UInt8] {
        var writer = JSONWriter()
        write(into: &writer)
        return writer.finished()
    }

    /// Reads what `json` writes; unknown fields are ignored.
    package init(json bytes: [UInt8]) throws(JSONError) {
        try self.init(JSONValue(parsing: bytes))
    }

    /// A list as a peer's `/members` answers it.
    package static func list(json bytes: [UInt8]) throws(JSONError) -> [MemberInfo] {
        switch try JSONValue(parsing: bytes) {
        case .null: return []
        case .list(let items):
            var members: [MemberInfo] = []
            for item in items { members.append(try MemberInfo(item)) }
            return members
        default: throw JSONError(offset: 0, reason: "a list of members was expected")
        }
    }

    /// What `/members` answers: the members in the order given.
    package static func json(list members: [MemberInfo]) -> [UInt8] {
        var bytes = Array("[".utf8)
        for (position, member) in members.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: member.json)
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    init(_ value: JSONValue) throws(JSONError) {
        guard case .object = value else {
            throw JSONError(offset: 0, reason: "a member is not an object")
        }
        self.init(
            id: MemberID(rawValue: try value.number("id")),
            peerURLs: try value.texts("peerURLs"),
            isLearner: try value.flag("isLearner"),
            name: try value.text("name"),
            clientURLs: try value.texts("clientURLs")
        )
    }

    func write(into writer: inout JSONWriter) {
        writer.field("id", id.rawValue)
        writer.field("peerURLs", peerURLs)
        if isLearner { writer.field("isLearner", true) }
        if !name.isEmpty { writer.field("name", name) }
        if !clientURLs.isEmpty { writer.field("clientURLs", clientURLs) }
    }
}

/// What 3.5 writes into `/0/members/<id>/attributes`: `{"name":"a","clientURLs":["http://..."]}`.
struct MemberAttributes: Hashable, Sendable {
    var name: String
    var clientURLs: [String]

    init(name: String, clientURLs: [String]) {
        self.name = name
        self.clientURLs = clientURLs
    }

    init(json bytes: [UInt8]) throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        name = try value.text("name")
        clientURLs = try value.texts("clientURLs")
    }
}
