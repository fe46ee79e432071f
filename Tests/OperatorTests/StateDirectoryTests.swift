import ClusterAPI
import Glibc
import Operator
import Planning
import Storage
import TestKit
import Testing

@Suite struct StateDirectoryTests {
    @Test func `a second operator is told the process that holds the directory`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path + "/a")
        #expect(state.isNew)
        #expect(try !StateDirectory(creating: folder.path + "/a").isNew)
        let lock = try state.lock()
        let error = #expect(throws: OperatorError.self) { try state.lock() }
        #expect(error?.code == .locked)
        #expect(error?.what.contains("another operator (process ") == true)
        lock.release()
        try state.lock().release()
    }

    @Test func `an unwritable place is an error that says what to do`() throws {
        let error = #expect(throws: OperatorError.self) {
            try StateDirectory(creating: "/proc/etcd-operator")
        }
        #expect(error?.code == .state)
        #expect(error?.place.hasPrefix("/proc") == true)
    }

    @Test func `a state directory is not made where the folder above it is missing`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let error = #expect(throws: OperatorError.self) {
            try StateDirectory(creating: folder.path + "/disk/state")
        }
        #expect(error?.code == .state && error?.what.contains("mount its disk") == true)
        #expect(fileNames(in: folder.path).isEmpty)
        _ = try StateDirectory(creating: folder.path + "/disk/state", withParents: true)
    }

    @Test func `a state directory is not made on a mount point that lacks its file system`() throws
    {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let fstab = "# a comment\n/dev/sdb1  \(folder.path)  ext4  defaults 0 2\n"
        let bare = MountTable(fstab: fstab, mountinfo: "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
        let error = #expect(throws: OperatorError.self) {
            try StateDirectory(creating: folder.path + "/state", mounts: bare)
        }
        #expect(error?.remedy == "`mount \(folder.path)`")
        #expect(fileNames(in: folder.path).isEmpty)
        let mounted = MountTable(
            fstab: fstab,
            mountinfo: "23 22 8:17 / \(folder.path) rw - ext4 /dev/sdb1 rw\n"
        )
        #expect(try StateDirectory(creating: folder.path + "/state", mounts: mounted).isNew)
    }

    @Test(.enabled(if: geteuid() == 0, "SKIPPED: only root can give a directory away"))
    func `what belongs to another user is left alone`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path)
        _ = unsafe chown(folder.path + "/clusters", 12_345, 12_345)
        for attempt in [
            { _ = try state.lock() }, { _ = try StateDirectory(creating: folder.path) },
        ] {
            let error = #expect(throws: OperatorError.self) { try attempt() }
            #expect(error?.code == .refused && error?.what.contains("12345") == true)
        }
        #expect(!fileNames(in: folder.path).contains("lock"))
    }

    @Test func `a record that contradicts itself is not read`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let cluster = try StateDirectory(creating: folder.path).cluster(Sample.name)
        var record = Sample.record(phase: .bootstrapped)
        record.members.append(record.members[0])
        try cluster.save(record)
        let error = #expect(throws: OperatorError.self) { try cluster.record() }
        #expect(error?.what.contains("two members have one name") == true)
    }

    @Test func `a place without state is an error and is not made`() throws {
        let error = #expect(throws: OperatorError.self) {
            try StateDirectory(existing: "/tmp/no-such-etcd-operator-state")
        }
        #expect(error?.code == .notFound)
    }

    @Test func `clusters are listed with their records, and nothing is invented`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path)
        #expect(try state.clusters().isEmpty)
        let cluster = state.cluster(Sample.name)
        #expect(try cluster.record() == nil)
        #expect(try cluster.resource() == nil)
        try cluster.save(Sample.record(phase: .planned))
        #expect(try state.clusters() == [Sample.name])
        #expect(try cluster.resource()?.metadata.uid == "00000000000000aa")
    }

    @Test func `a record in another cluster's place is refused`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path)
        try state.cluster(ClusterName(name: "other")).save(Sample.record(phase: .planned))
        #expect(throws: OperatorError.self) {
            try state.cluster(ClusterName(name: "other")).record()
        }
    }

    @Test func `events are counted when they repeat`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let cluster = try StateDirectory(creating: folder.path).cluster(Sample.name)
        for (index, reason) in ["A", "B", "A", "A"].enumerated() {
            var event = Event(
                time: Timestamp(seconds: Int64(index)),
                cluster: Sample.name,
                type: .normal,
                reason: reason,
                message: "m"
            )
            event.count = reason == "A" ? max(1, index) : 1
            try cluster.append(event)
        }
        let events = try cluster.events()
        #expect(events.map(\.reason) == ["B", "A"])
        #expect(events.map(\.count) == [1, 3])
    }
}
