import ClusterAPI
import Operator
import Planning
import Storage
import TestKit
import Testing

@Suite struct DamagedRecordTests {
    @Test(arguments: ["damaged", "newer"])
    func `rule 35: a record that cannot be used stops everything and is left as it is`(
        how: String
    ) async throws {
        let fleet = try Fleet()
        try fleet.declare()
        let state = try StateDirectory(creating: fleet.statePath)
        let path = state.cluster(Fleet.name).path + "/cluster.json"
        try FileDisk().createDirectory(state.cluster(Fleet.name).path)
        var bytes = StateFile.encode(Sample.record(phase: .bootstrapped))
        if how == "damaged" {
            bytes[bytes.count / 2] ^= 1
        } else {
            bytes = Array("{\"format\":7".utf8) + bytes.dropFirst("{\"format\":2".utf8.count)
        }
        try FileDisk().replace(path, with: bytes)
        try await fleet.operate { _ in
            try await fleet.waitFor("it is refused") { $0.phase == "Refused" }
            #expect(try fleet.status()?.condition(.degraded)?.reason == "RecordUnusable")
            #expect(try fleet.running().isEmpty)
        }
        #expect(try FileDisk().read(path) == bytes)
        try await fleet.clean()
    }

    @Test func `a mistyped spec path is told before anything is made`() throws {
        let configuration = OperatorConfiguration(
            stateDirectory: "/tmp/etcd-operator-never-made",
            specPaths: ["/no/such/spec.yaml"]
        )
        let error = #expect(throws: OperatorError.self) {
            try LocalOperator(configuration, logger: Fleet.logger)
        }
        #expect(error?.code == .notFound && error?.place == "/no/such/spec.yaml")
        #expect(try FileDisk().status("/tmp/etcd-operator-never-made") == nil)
    }
}
