import EtcdProto
import Raft

// The members in the form of etcd's old v2 store, which is what `Snapshot.Data` of a message to a
// peer holds: etcd 3.5 knows of members, removed ones and the cluster version from there only.
//
// It is a tree of nodes, written as JSON. A directory has `Children`, by name; a leaf has a `Value`
// and null for them. Of a cluster with one member that has started, and one removed:
// ```
// /0/members/8e9e05c52164694d/raftAttributes   {"peerURLs":["http://10.0.0.1:2380"]}
// /0/members/8e9e05c52164694d/attributes       {"name":"a","clientURLs":["http://10.0.0.1:2379"]}
// /0/removed_members/91bc3c398fb3c146          (empty)
// /0/version                                   3.5.0
// /1                                           (a directory: user data of the v2 API, long gone)
// ```
extension Membership {
    /// The store with these members in it.
    package var v2Store: [UInt8] {
        var tree = V2Tree()
        for member in members {
            let path = ["0", "members", member.id.description]
            tree.set(path + ["raftAttributes"], member.raftAttributes)
            // A name alone came with the conf change, and is not published yet.
            if !member.clientURLs.isEmpty { tree.set(path + ["attributes"], member.attributes) }
        }
        for id in removed { tree.set(["0", "removed_members", id.description], []) }
        if let clusterVersion {
            tree.set(["0", "version"], Array(clusterVersion.description.utf8))
        }
        var writer = JSONWriter()
        writer.field("Root", tree.root)
        writer.field("CurrentIndex", tree.index)
        writer.field("CurrentVersion", 2)
        return writer.finished()
    }

    /// Reads the store as etcd 3.4 to 3.6 writes it. What has no meaning here is ignored.
    package init(v2Store bytes: [UInt8]) throws(JSONError) {
        let root = try JSONValue(parsing: bytes)["Root"]
        guard let cluster = try root?.child("0") else {
            throw JSONError(offset: 0, reason: "the store has no directory /0")
        }
        var members: [MemberInfo] = []
        for (name, node) in try cluster.child("members")?.children() ?? [] {
            let id = try Membership.id(name)
            guard !members.contains(where: { $0.id == id }) else {
                throw JSONError(offset: 0, reason: "the member \(id) is there twice")
            }
            members.append(try MemberInfo(id: id, v2Node: node))
        }
        self.init(members: members)
        for (name, _) in try cluster.child("removed_members")?.children() ?? [] {
            let id = try Membership.id(name)
            if !isRemoved(id) { markRemoved(id) }
        }
        if let text = try cluster.child("version")?.text("Value") {
            guard let version = ServerVersion(text) else {
                throw JSONError(offset: 0, reason: "the cluster version is not a version")
            }
            setClusterVersion(version)
        }
    }

    private static func id(_ name: String) throws(JSONError) -> MemberID {
        guard let id = MemberID(hex: name) else {
            throw JSONError(offset: 0, reason: "the name of a node is not a member's id")
        }
        return id
    }
}

extension MemberInfo {
    fileprivate var raftAttributes: [UInt8] {
        var writer = JSONWriter()
        writer.field("peerURLs", peerURLs)
        if isLearner { writer.field("isLearner", true) }
        return writer.finished()
    }

    fileprivate var attributes: [UInt8] {
        var writer = JSONWriter()
        if !name.isEmpty { writer.field("name", name) }
        if !clientURLs.isEmpty { writer.field("clientURLs", clientURLs) }
        return writer.finished()
    }

    fileprivate init(id: MemberID, v2Node node: JSONValue) throws(JSONError) {
        guard let raft = try node.child("raftAttributes") else {
            throw JSONError(offset: 0, reason: "the member \(id) has no raftAttributes")
        }
        let value = try JSONValue(parsing: Array(raft.text("Value").utf8))
        var member = MemberInfo(
            id: id,
            peerURLs: try value.texts("peerURLs"),
            isLearner: try value.flag("isLearner")
        )
        if let published = try node.child("attributes") {
            let attributes = try MemberAttributes(json: Array(published.text("Value").utf8))
            member.name = attributes.name
            member.clientURLs = attributes.clientURLs
        }
        self = member
    }
}

extension JSONValue {
    /// The nodes of a directory by name; of a leaf none.
    fileprivate func children() throws(JSONError) -> [(name: String, value: JSONValue)] {
        switch self["Children"] {
        case nil: return []
        case .object(let fields): return fields
        default: throw JSONError(offset: 0, reason: "the children of a node are not an object")
        }
    }

    fileprivate func child(_ name: String) throws(JSONError) -> JSONValue? {
        try children().last { $0.name == name }?.value
    }
}

/// A v2 store as it grows; each leaf counts as one write to it.
private struct V2Tree {
    private final class Node {
        let path: String
        var value: [UInt8] = []
        /// By name; nil in a leaf.
        var children: [(name: String, node: Node)]?
        var index: UInt64 = 0

        init(path: String, isDirectory: Bool) {
            self.path = path
            children = isDirectory ? [] : nil
        }

        func child(_ name: String, isDirectory: Bool) -> Node {
            if let found = children?.first(where: { $0.name == name }) { return found.node }
            let path = path == "/" ? "/\(name)" : "\(path)/\(name)"
            let node = Node(path: path, isDirectory: isDirectory)
            children?.append((name: name, node: node))
            return node
        }

        /// With the children in order of their names, as Go writes a map.
        var json: JSONWriter {
            var writer = JSONWriter()
            writer.field("Path", path)
            writer.field("CreatedIndex", index)
            writer.field("ModifiedIndex", index)
            writer.field("ExpireTime", "0001-01-01T00:00:00Z")
            writer.field("Value", String(decoding: value, as: UTF8.self))
            guard let children else {
                writer.nullField("Children")
                return writer
            }
            var list = JSONWriter()
            for child in children.sorted(by: { $0.name < $1.name }) {
                list.field(child.name, child.node.json)
            }
            writer.field("Children", list)
            return writer
        }
    }

    private let top = Node(path: "/", isDirectory: true)
    private(set) var index: UInt64 = 0

    init() {
        _ = top.child("0", isDirectory: true)
        _ = top.child("1", isDirectory: true)
    }

    var root: JSONWriter { top.json }

    mutating func set(_ path: [String], _ value: [UInt8]) {
        index += 1
        var node = top
        for (position, name) in path.enumerated() {
            let isNew = node.children?.contains { $0.name == name } == false
            node = node.child(name, isDirectory: position < path.count - 1)
            if isNew { node.index = index }
        }
        node.value = value
    }
}
