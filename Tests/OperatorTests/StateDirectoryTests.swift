import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

@Suite struct StateDirectoryTests {
    @Test func `a second operator is told the process that holds the directory`() throws {
        let folder = try TemporaryDirectory("state")
        defer { folder.remove() }
        let state = try StateDirectory(creating: folder.path + "/a/b")
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
