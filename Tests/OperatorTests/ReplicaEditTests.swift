import ClusterAPI
import Glibc
import Operator
import Storage
import TestKit
import Testing

@Suite struct ReplicaEditTests {
    private static let one = """
        apiVersion: etcd-operator.dev/v1alpha1
        kind: EtcdCluster
        metadata: { name: one }
        """
    private static let two = """
        # the shop's
        apiVersion: etcd-operator.dev/v1alpha1
        kind: EtcdCluster
        metadata:
          name: one
          namespace: shop
        spec:
          replicas: 1 # for now
        """

    private func edit(
        _ text: String,
        _ namespace: String = "default",
        to replicas: Int
    ) throws(OperatorError) -> ReplicaEdit {
        try ReplicaEdit(
            file: "/specs/a.yaml",
            text: Array(text.utf8),
            cluster: ClusterName(namespace: namespace, name: "one"),
            replicas: replicas
        )
    }

    @Test func `of several documents the one of that name and namespace is edited`() throws {
        let text = "\(Self.one)\n---\n\(Self.two)\n"
        let shop = try edit(text, "shop", to: 5)
        #expect(
            String(decoding: shop.bytes, as: UTF8.self)
                == text.replacing("replicas: 1 #", with: "replicas: 5 #")
        )
        #expect(shop.before == 1)
        #expect(shop.place == "/specs/a.yaml:12:13")
        let ours = try edit(text, to: 5)
        #expect(
            String(decoding: ours.bytes, as: UTF8.self)
                == text.replacing("name: one }", with: "name: one }\nspec:\n  replicas: 5")
        )
        #expect(ours.before == 3)
    }

    @Test func `a number that is there already changes nothing`() throws {
        #expect(try edit(Self.two, "shop", to: 1).bytes == Array(Self.two.utf8))
        #expect(try edit(Self.one, to: 3).bytes == Array(Self.one.utf8))
    }

    @Test func `an even number is warned of once`() throws {
        #expect(try edit(Self.two, "shop", to: 4).warnings.count == 1)
        #expect(try edit(Self.two, "shop", to: 5).warnings.isEmpty)
    }

    @Test func `what cannot be done is refused with its place`() throws {
        let tooMany = #expect(throws: OperatorError.self) { try edit(Self.two, "shop", to: 11) }
        #expect(tooMany?.code == .usage && tooMany?.what.contains("a.yaml:8:13") == true)
        let absent = #expect(throws: OperatorError.self) { try edit(Self.two, to: 5) }
        #expect(absent?.code == .notFound)
        let broken = #expect(throws: OperatorError.self) {
            try edit(Self.two.replacing("replicas", with: "replica"), "shop", to: 5)
        }
        #expect(broken?.code == .refused && broken?.what.contains("a.yaml:8:3") == true)
        let alias = #expect(throws: OperatorError.self) {
            try edit(Self.two.replacing("replicas: 1", with: "replicas: &n 1"), "shop", to: 5)
        }
        #expect(alias?.code == .refused && alias?.place == "/specs/a.yaml:8:13")
    }

    @Test(arguments: ["quickstart", "tuned"])
    func `the samples are edited in one line`(name: String) throws {
        let path = "\(repositoryRoot())/Manifests/samples/\(name).yaml"
        let text = try readFile(path)
        let cluster = try #require(SpecFile(path: path, bytes: text).clusters.first)
        let edit = try ReplicaEdit(file: path, text: text, cluster: cluster.name, replicas: 7)
        let old = String(decoding: text, as: UTF8.self)
        let new = String(decoding: edit.bytes, as: UTF8.self)
        #expect(new == old.replacing("replicas: \(cluster.spec.replicas)", with: "replicas: 7"))
    }
}

@Suite struct SpecReplacementTests {
    private struct Desk {
        let folder: TemporaryDirectory
        var path: String { folder.path + "/a.yaml" }

        init(_ text: String = "old\n", mode: mode_t = 0o640) throws {
            folder = try TemporaryDirectory("replace")
            try FileDisk().replace(folder.path + "/a.yaml", with: Array(text.utf8))
            _ = unsafe chmod(path, mode)
        }

        func text() throws -> String { String(decoding: try readFile(path), as: UTF8.self) }

        var info: stat {
            var info = stat()
            _ = unsafe stat(path, &info)
            return info
        }

        var names: [String] { fileNames(in: folder.path).sorted() }
    }

    @Test(arguments: [0o640, 0o444, 0o777] as [mode_t])
    func `the text is replaced, mode and owner stay`(mode: mode_t) throws {
        let desk = try Desk(mode: mode)
        defer { desk.folder.remove() }
        if geteuid() == 0 { _ = unsafe chown(desk.path, 1234, 5678) }
        _ = unsafe chmod(desk.path, mode)
        let before = desk.info
        try SpecReplacement(of: desk.path).write(Array("new\n".utf8))
        #expect(try desk.text() == "new\n")
        let after = desk.info
        #expect(after.st_mode == before.st_mode)
        #expect(after.st_uid == before.st_uid)
        #expect(after.st_gid == before.st_gid)
        #expect(after.st_ino != before.st_ino, "in one step")
        #expect(desk.names == ["a.yaml"])
    }

    @Test func `a symbolic link stays one, and its target changes`() throws {
        let desk = try Desk()
        defer { desk.folder.remove() }
        try FileDisk().createDirectory(desk.folder.path + "/links")
        let link = desk.folder.path + "/links/b.yaml"
        _ = unsafe symlink("../a.yaml", link)
        try SpecReplacement(of: link).write(Array("new\n".utf8))
        #expect(try desk.text() == "new\n")
        var info = stat()
        _ = unsafe lstat(link, &info)
        #expect(info.st_mode & S_IFMT == S_IFLNK)
        #expect(fileNames(in: desk.folder.path + "/links") == ["b.yaml"])
    }

    @Test func `a text that changed meanwhile is left alone`() throws {
        let desk = try Desk()
        defer { desk.folder.remove() }
        let replacement = try SpecReplacement(of: desk.path)
        try FileDisk().replace(desk.path, with: Array("theirs\n".utf8))
        let error = #expect(throws: OperatorError.self) {
            try replacement.write(Array("new\n".utf8))
        }
        #expect(error?.code == .refused)
        #expect(try desk.text() == "theirs\n")
        #expect(desk.names == ["a.yaml"])
    }

    @Test func `what is no file of its own is refused`() throws {
        let desk = try Desk()
        defer { desk.folder.remove() }
        let absent = #expect(throws: OperatorError.self) {
            try SpecReplacement(of: desk.folder.path + "/none.yaml")
        }
        #expect(absent?.code == .notFound)
        let folder = #expect(throws: OperatorError.self) {
            try SpecReplacement(of: desk.folder.path)
        }
        #expect(folder?.code == .refused)
        _ = unsafe Glibc.link(desk.path, desk.folder.path + "/b.yaml")
        let linked = #expect(throws: OperatorError.self) { try SpecReplacement(of: desk.path) }
        #expect(linked?.code == .refused)
    }
}
