import ClusterAPI
import Operator
import Planning
import Testing

@Suite struct SpecCatalogTests {
    private static func text(_ names: [String], replicas: Int = 3) -> [UInt8] {
        let documents = names.map { name in
            """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: \(name) }
            spec: { replicas: \(replicas) }
            """
        }
        return Array(documents.joined(separator: "\n---\n").utf8)
    }

    /// A catalog with a moving clock.
    private struct Desk {
        var catalog = SpecCatalog()
        var now = Duration.seconds(100)

        /// Looks twice, the settling time apart.
        mutating func show(
            _ files: [String: [UInt8]],
            in folder: UInt64 = 1,
            unreadable: [String: String] = [:]
        ) {
            for _ in 0..<2 {
                look(files, in: folder, unreadable: unreadable)
                now += .milliseconds(600)
            }
        }

        mutating func look(
            _ files: [String: [UInt8]],
            age: Duration = .zero,
            in folder: UInt64 = 1,
            unreadable: [String: String] = [:]
        ) {
            let readings = files.mapValues { SpecCatalog.Reading.content($0, age: age) }
            let folders = ["/s": FileIdentity(device: 1, inode: folder)]
            catalog.look(
                readings,
                in: unreadable.isEmpty ? folders : [:],
                unreadable: unreadable,
                at: now
            )
        }

        var names: [String] { catalog.clusters.map(\.cluster.metadata.name) }
        var missing: [String] { catalog.missingNames.map(\.name) }
    }

    @Test func `a text counts only when it was the same for half a second`() {
        var desk = Desk()
        desk.look(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.names.isEmpty && desk.catalog.isSettling)
        desk.now += .milliseconds(400)
        desk.look(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.names.isEmpty)
        desk.now += .milliseconds(100)
        desk.look(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.names == ["a"] && !desk.catalog.isSettling)
    }

    @Test func `a text that was there before needs only a second look`() {
        var desk = Desk()
        desk.look(["/s/a.yaml": Self.text(["a"])], age: .seconds(60))
        #expect(desk.names.isEmpty)
        desk.look(["/s/a.yaml": Self.text(["a"])], age: .seconds(60))
        #expect(desk.names == ["a"])
    }

    @Test func `a text that goes on changing is waited for`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        for replicas in 1...8 {
            desk.look(["/s/a.yaml": Self.text(["a"], replicas: replicas)])
            desk.now += .milliseconds(300)
        }
        #expect(desk.catalog.clusters.map(\.cluster.spec.replicas) == [3])
        #expect(desk.missing.isEmpty)
    }

    @Test func `rule 37: a half-written or broken file changes nothing`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        for broken in ["spec: [", "kind: EtcdCluster", "\u{0}"] {
            desk.show(["/s/a.yaml": Array(broken.utf8)])
            #expect(desk.names == ["a"])
            #expect(desk.catalog.clusters[0].cluster.spec.replicas == 3)
        }
        #expect(desk.catalog.problems.count == 1)
        #expect(desk.catalog.problems[0].hasPrefix("/s/a.yaml:"))
        #expect(desk.missing.isEmpty)
    }

    @Test func `rule 10: an emptied or removed file makes its cluster missing and not undeclared`()
    {
        for files in [["/s/a.yaml": []], ["/s/a.yaml": Array("# nothing\n".utf8)], [:]] {
            var desk = Desk()
            desk.show(["/s/a.yaml": Self.text(["a"])])
            desk.show(files)
            #expect(desk.names == ["a"])
            #expect(desk.missing == ["a"])
            let name = ClusterName(name: "a")
            #expect(desk.catalog.missing(name, at: desk.now)?.sourceReadable == true)
            desk.show(["/s/b.yaml": Self.text(["a"], replicas: 5)])
            #expect(desk.missing.isEmpty)
            #expect(desk.catalog.clusters[0].cluster.spec.replicas == 5)
        }
    }

    @Test func `rule 10: a folder out of reach makes nothing missing`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        desk.show([:], unreadable: ["/s": "permission denied"])
        #expect(desk.missing.isEmpty && desk.names == ["a"])
        #expect(desk.catalog.problems == ["/s: error: permission denied"])
        let name = ClusterName(name: "a")
        #expect(desk.catalog.outOfReach(name) == "/s: permission denied")
        desk.show(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.catalog.outOfReach(name) == nil)
    }

    @Test func `rule 10: an empty mount point in the folder's place is not where it vanished`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        desk.show([:])
        let name = ClusterName(name: "a")
        desk.now += .seconds(400)
        desk.show([:], in: 2)
        #expect(desk.catalog.missing(name, at: desk.now)?.sourceReadable == false)
        desk.show([:])
        // The clock begins again: nobody knows what was there meanwhile.
        let missing = desk.catalog.missing(name, at: desk.now)
        #expect(
            missing?.sourceReadable == true && missing.map { $0.lasting < .seconds(10) } == true
        )
    }

    @Test func `clusters that vanish together are counted together`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"]), "/s/b.yaml": Self.text(["b"])])
        desk.show(["/s/b.yaml": Self.text(["b"])])
        #expect(desk.catalog.missing(ClusterName(name: "a"), at: desk.now)?.vanishedTogether == 1)
        desk.show([:])
        #expect(desk.catalog.missing(ClusterName(name: "a"), at: desk.now)?.vanishedTogether == 2)
    }

    @Test func `rule 37: one name in two files is refused and what was accepted stays`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        desk.show([
            "/s/a.yaml": Self.text(["a"], replicas: 5), "/s/b.yaml": Self.text(["a"], replicas: 7),
        ])
        #expect(desk.catalog.clusters.map(\.cluster.spec.replicas) == [3])
        #expect(desk.catalog.problems.count == 1)
        #expect(desk.catalog.problems[0].contains("/s/a.yaml and /s/b.yaml"))
        var fresh = Desk()
        fresh.show(["/s/a.yaml": Self.text(["a"]), "/s/b.yaml": Self.text(["a"])])
        #expect(fresh.names.isEmpty)
        var twice = Desk()
        twice.show(["/s/a.yaml": Self.text(["b", "b"])])
        #expect(twice.names.isEmpty && twice.catalog.problems.count == 1)
    }

    @Test func `one mistake refuses the whole file`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"]) + Array("\n---\nkind: EtcdClutter\n".utf8)])
        #expect(desk.names.isEmpty && !desk.catalog.problems.isEmpty)
    }

    @Test func `a remembered cluster is missing until a file declares it`() {
        var desk = Desk()
        let cluster = EtcdCluster(metadata: Metadata(name: "a"))
        desk.catalog.remember(cluster, from: "/s/a.yaml", in: nil, at: desk.now)
        #expect(desk.names == ["a"] && desk.missing == ["a"])
        desk.show(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.missing.isEmpty)
    }

    @Test func `a deleted cluster is forgotten until a file declares it anew`() {
        var desk = Desk()
        desk.show(["/s/a.yaml": Self.text(["a"])])
        desk.show([:])
        desk.catalog.forget(ClusterName(name: "a"))
        desk.show([:])
        #expect(desk.names.isEmpty && desk.missing.isEmpty)
        desk.show(["/s/a.yaml": Self.text(["a"])])
        #expect(desk.names == ["a"] && desk.missing.isEmpty)
    }
}
