import EtcdProto
import Server
import Storage
import Testing

extension RunningMembers {
    /// Whose files they are, and who may use them.
    @Suite struct DataDirectoryTests {
        private let directory: TemporaryDirectory
        private let disk = FileDisk()

        init() throws {
            directory = try TemporaryDirectory()
        }

        private var path: String { directory.path + "/a.etcd" }

        private func write(_ name: String, _ text: String) throws {
            let file = path + "/" + name
            let parent = file.split(separator: "/").dropLast().joined(separator: "/")
            try disk.createDirectory("/" + parent)
            try disk.replace(file, with: Array(text.utf8))
        }

        private func claimFailure() -> Fatal? {
            #expect(throws: Fatal.self) { _ = try DataDirectory(claiming: path, on: disk) }
        }

        @Test func `an empty place becomes a data directory`() throws {
            let data = try DataDirectory(claiming: path, on: disk)
            #expect(try disk.list(path + "/member") == ["lock", "snapshot"])
            #expect(try !data.hasLog())
            data.release()
        }

        @Test func `a second process is kept out`() throws {
            let held = try DataDirectory(claiming: path, on: disk)
            let error = claimFailure()
            #expect(error?.code == .locked)
            #expect(error?.description.contains(path) == true)
            held.release()
            try DataDirectory(claiming: path, on: disk).release()
        }

        @Test func `a retired directory is never used again`() throws {
            try write("retired", "restored as b")
            #expect(claimFailure()?.code == .retired)
            #expect(try !disk.list(path).contains("member"))
        }

        @Test func `the data of a real etcd is left alone`() throws {
            try write("member/snap/db", "bbolt")
            let error = claimFailure()
            #expect(error?.code == .foreignData)
            #expect(try disk.list(path + "/member") == ["snap"])
        }

        @Test func `a file in the way is an error with its name`() throws {
            try disk.replace(path, with: [1])
            let error = claimFailure()
            #expect(error?.code == .dataDirectory)
            #expect(error?.description.contains(path) == true)
        }

        @Test func `a stamp of another member is not overwritten`() throws {
            let data = try DataDirectory(claiming: path, on: disk)
            defer { data.release() }
            let cluster = ClusterID(rawValue: 3)
            let own = Identity(name: "a", memberID: MemberID(rawValue: 1), clusterID: cluster)
            try data.stamp(own)
            let renamed = Identity(name: "b \"x\"", memberID: own.memberID, clusterID: cluster)
            try data.stamp(renamed)
            let text = String(decoding: try disk.read(path + "/identity.json"), as: UTF8.self)
            #expect(text == #"{"name":"b \"x\"","member_id":"1","cluster_id":"3"}"# + "\n")
            let other = Identity(name: "a", memberID: MemberID(rawValue: 2), clusterID: cluster)
            let error = #expect(throws: Fatal.self) { try data.stamp(other) }
            #expect(error?.code == .foreignData)
        }

        @Test func `a member whose log is gone does not begin anew`() throws {
            let data = try DataDirectory(claiming: path, on: disk)
            defer { data.release() }
            try data.refuseLostLog()
            let cluster = ClusterID(rawValue: 3)
            try data.stamp(Identity(name: "a", memberID: MemberID(rawValue: 1), clusterID: cluster))
            let error = #expect(throws: Fatal.self) { try data.refuseLostLog() }
            #expect(error?.code == .corruption)
        }
    }
}
