import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

/// Real files and inotify.
@Suite struct SpecWatcherTests {
    private struct Desk {
        let folder: TemporaryDirectory
        let watcher: SpecWatcher
        let disk = FileDisk()

        init(_ paths: [String] = ["specs"], after earlier: Desk? = nil) throws {
            folder = try earlier?.folder ?? TemporaryDirectory("specs")
            try disk.createDirectory(folder.path + "/specs")
            let root = folder.path
            var catalog = SpecCatalog()
            for known in earlier?.watcher.current.clusters ?? [] {
                catalog.remember(known.cluster, from: known.file, in: known.folder, at: .zero)
            }
            watcher = try SpecWatcher(
                paths: paths.map { "\(root)/\($0)" },
                catalog: catalog,
                events: try FileEvents(),
                disk: disk
            )
        }

        func write(_ name: String, replicas: Int) throws {
            let text = """
                apiVersion: etcd-operator.dev/v1alpha1
                kind: EtcdCluster
                metadata: { name: alpha }
                spec: { replicas: \(replicas) }
                """
            try disk.replace("\(folder.path)/\(name)", with: Array(text.utf8))
        }

        /// Whether its absence could have a cluster deleted.
        func isSeenToBeAbsent() throws -> Bool {
            for _ in 0..<2 { watcher.look() }
            let missing = watcher.current.missing(ClusterName(name: "alpha"), at: .seconds(9999))
            return try #require(missing).sourceReadable
        }

        /// Accepts what there is, as an earlier operator did.
        func accept() async throws {
            try await eventually("it is read") {
                watcher.look()
                return replicas == [3]
            }
        }

        var replicas: [Int] { watcher.current.clusters.map(\.cluster.spec.replicas) }

        func watching(_ body: () async throws -> Void) async throws {
            let task = Task { await watcher.run() }
            do {
                try await body()
            } catch {
                task.cancel()
                throw error
            }
            task.cancel()
            await task.value
            folder.remove()
        }
    }

    @Test func `an edit, a rename and a removal are noticed`() async throws {
        let desk = try Desk()
        try await desk.watching {
            try desk.write("specs/a.yaml", replicas: 3)
            try await eventually("it is read") { desk.replicas == [3] }
            try desk.write("specs/a.yaml", replicas: 5)
            try await eventually("the edit is read") { desk.replicas == [5] }
            try desk.write("elsewhere", replicas: 7)
            try desk.disk.rename(
                desk.folder.path + "/elsewhere",
                to: desk.folder.path + "/specs/a.yaml"
            )
            try await eventually("the rename is seen") { desk.replicas == [7] }
            try desk.disk.remove(desk.folder.path + "/specs/a.yaml")
            try await eventually("the removal is seen") {
                desk.watcher.current.missingNames.count == 1
            }
            #expect(desk.replicas == [7])
        }
    }

    @Test func `only yaml files without a dot in front count`() async throws {
        let desk = try Desk()
        try await desk.watching {
            for name in [".a.yaml", "a.yaml.swp", "a.txt"] {
                try desk.write("specs/\(name)", replicas: 1)
            }
            try desk.write("specs/b.yml", replicas: 3)
            try await eventually("the one is read") { desk.replicas == [3] }
            #expect(desk.watcher.current.problems.isEmpty)
        }
    }

    @Test func `rule 37: a link that is switched is followed`() async throws {
        let desk = try Desk(["specs"])
        try await desk.watching {
            try desk.disk.createDirectory(desk.folder.path + "/v1")
            try desk.disk.createDirectory(desk.folder.path + "/v2")
            try desk.write("v1/a.yaml", replicas: 3)
            try desk.write("v2/a.yaml", replicas: 5)
            try link(desk.folder.path + "/v1/a.yaml", desk.folder.path + "/specs/a.yaml")
            try await eventually("the first is read") { desk.replicas == [3] }
            try link(desk.folder.path + "/v2/a.yaml", desk.folder.path + "/specs/next")
            try desk.disk.rename(
                desk.folder.path + "/specs/next",
                to: desk.folder.path + "/specs/a.yaml"
            )
            try await eventually("the second is read") { desk.replicas == [5] }
        }
    }

    @Test(arguments: ["specs", "specs/a.yaml"])
    func `rule 10: a file that was removed from its folder is absent`(path: String) async throws {
        let desk = try Desk([path])
        try desk.write("specs/a.yaml", replicas: 3)
        try await desk.accept()
        try desk.disk.remove(desk.folder.path + "/specs/a.yaml")
        let next = try Desk([path], after: desk)
        #expect(try next.isSeenToBeAbsent())
        desk.folder.remove()
    }

    @Test(arguments: ["specs", "specs/a.yaml"], ["another folder", "none"])
    func `rule 10: a file whose folder is not the one it was is not absent`(
        path: String,
        there: String
    ) async throws {
        let desk = try Desk([path])
        try desk.write("specs/a.yaml", replicas: 3)
        try await desk.accept()
        let next = try Desk([path], after: desk)
        // As when its disk is no longer mounted.
        try desk.disk.rename(desk.folder.path + "/specs", to: desk.folder.path + "/away")
        if there == "another folder" { try desk.disk.createDirectory(desk.folder.path + "/specs") }
        #expect(try !next.isSeenToBeAbsent())
        desk.folder.remove()
    }

    @Test func `rule 10: a file that nobody looks for any more is not absent`() async throws {
        let desk = try Desk(["specs/a.yaml"])
        try desk.write("specs/a.yaml", replicas: 3)
        try await desk.accept()
        let next = try Desk(["specs/b.yaml"], after: desk)
        #expect(try !next.isSeenToBeAbsent())
        desk.folder.remove()
    }

    @Test func `one folder under two names declares its files once`() async throws {
        let desk = try Desk(["specs", "specs/../specs"])
        try desk.write("specs/a.yaml", replicas: 3)
        try await desk.accept()
        #expect(desk.watcher.current.problems.isEmpty)
        desk.folder.remove()
    }

    @Test func `rule 10: a folder that vanishes makes nothing missing, and comes back`()
        async throws
    {
        let desk = try Desk()
        try await desk.watching {
            try desk.write("specs/a.yaml", replicas: 3)
            try await eventually("it is read") { desk.replicas == [3] }
            try desk.disk.rename(desk.folder.path + "/specs", to: desk.folder.path + "/away")
            try await eventually("it is told") {
                !desk.watcher.current.problems.isEmpty
            }
            #expect(desk.watcher.current.missingNames.isEmpty)
            try desk.disk.rename(desk.folder.path + "/away", to: desk.folder.path + "/specs")
            try desk.write("specs/a.yaml", replicas: 5)
            try await eventually("it is read again") { desk.replicas == [5] }
        }
    }
}
