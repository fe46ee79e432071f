import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit
import Testing

/// A cluster under an operator, with writers from its first moment to its last. At the end every
/// acknowledged write must be there, and all members must hold the same.
final class LoadedCluster {
    /// What went wrong, and how the operator and the members saw it.
    private struct Failure: Error, CustomStringConvertible {
        let error: any Error
        let told: [String]

        var description: String { "\(error)\n" + told.joined(separator: "\n") }
    }

    let cluster: RunningCluster
    let ledger = WriteLedger()

    private init(_ cluster: RunningCluster) {
        self.cluster = cluster
    }

    static func with(
        _ kind: Kind,
        replicas: Int = 3,
        _ fields: String = "",
        specInFolder: Bool = false,
        _ body: (LoadedCluster) async throws -> Void
    ) async throws {
        let network = "{ basePort: \(RunningCluster.nextPort()) }"
        let text = try spec(kind, replicas, network, fields)
        let loaded = LoadedCluster(
            try await RunningCluster.start(spec: text, inFolder: specInFolder)
        )
        loaded.respec = {
            try spec($2 ?? kind, $0 ?? replicas, $3 ?? network, $1 ?? fields)
        }
        loaded.ledger.endpoints = try await loaded.cluster.endpoints()
        let ledger = loaded.ledger
        let statusFile = loaded.statusFile
        let writers = Task {
            await withTaskGroup { group in
                for writer in 0..<3 { group.addTask { await ledger.write(as: writer) } }
                group.addTask { await ledger.follow(statusFile) }
            }
        }
        do {
            try await loaded.progress()
            try await body(loaded)
            try await loaded.progress()
        } catch {
            writers.cancel()
            await writers.value
            let shown = try? await loaded.cluster.operatorCommand("describe", "ec/quickstart")
            let events = try? await loaded.cluster.operatorCommand("events", "quickstart")
            let told = [shown?.output ?? "", events?.output ?? "", loaded.lastWords()]
            await loaded.cluster.stop()
            throw Failure(error: error, told: told)
        }
        writers.cancel()
        await writers.value
        try await loaded.check()
        await loaded.cluster.stop()
    }

    /// The spec with another number of members or other fields.
    private var respec: (Int?, String?, Kind?, String?) throws -> String = { _, _, _, _ in "" }

    static func spec(
        _ kind: Kind,
        _ replicas: Int,
        _ network: String,
        _ fields: String
    ) throws -> String {
        let engine =
            kind == .ours
            ? "{ type: embedded }" : "{ type: etcd, etcd: { binary: \(try kind.program()) } }"
        return """
            apiVersion: etcd-operator.dev/v1alpha1
            kind: EtcdCluster
            metadata: { name: quickstart }
            spec:
              replicas: \(replicas)
              engine: \(engine)
              network: \(network)
              healing: { unhealthyAfter: 3s, replaceAfter: 10s, quorumLoss: { after: 1s } }
              \(fields)
            """
    }

    // MARK: What a test does

    /// Waits for writes that were begun after now.
    func progress() async throws {
        let least = ledger.count + 30
        try await eventually("writes go on", within: .seconds(60)) { self.ledger.count >= least }
    }

    func scale(to replicas: Int) throws { try write(try respec(replicas, nil, nil, nil)) }

    func edit(_ fields: String, _ kind: Kind? = nil) throws {
        try write(try respec(nil, fields, kind, nil))
    }

    func move(to network: String) throws { try write(try respec(nil, nil, nil, network)) }

    private func write(_ spec: String) throws {
        try Data(spec.utf8).write(to: URL(fileURLWithPath: cluster.spec))
    }

    /// The status as the operator wrote it last; empty while there is none. It is looked at often,
    /// and a program for each look would take the processors from those it is about.
    func status() throws -> [String: Any] {
        try readStatus(statusFile)
    }

    private var statusFile: String {
        "\(cluster.stateDirectory)/clusters/default/quickstart/status.json"
    }

    /// Waits until the cluster is as specified, with these members; writers use them from then on.
    func settle(as names: [String]) async throws {
        try await settle("\(names) serve") { $0 == names }
    }

    /// Waits until the cluster is as specified, with so many members, and gives their names.
    @discardableResult
    func settle(with replicas: Int) async throws -> [String] {
        try await settle("\(replicas) members serve") { $0.count == replicas }
        return try memberNames()
    }

    private func settle(_ what: String, _ isSo: ([String]) -> Bool) async throws {
        try await eventually(what, within: .seconds(90)) {
            let conditions = try self.status()["conditions"] as? [[String: Any]] ?? []
            let ready = conditions.first { $0["type"] as? String == "Ready" }
            return try isSo(self.memberNames()) && ready?["status"] as? String == "True"
        }
        ledger.endpoints = try await cluster.endpoints()
    }

    private func memberNames() throws -> [String] {
        let members = try status()["members"] as? [[String: Any]] ?? []
        return members.compactMap { $0["name"] as? String }
    }

    func data(of member: String) -> String {
        "\(cluster.stateDirectory)/clusters/default/quickstart/members/\(member)/data"
    }

    func process(of member: String) throws -> Int32 {
        try #require(cluster.members().first { $0.name == member }).pid
    }

    func waitForEvent(_ reason: String) async throws {
        try await eventually("the event \(reason)", within: .seconds(60)) {
            let outcome = try await self.cluster.operatorCommand("events", "quickstart")
            return outcome.output.contains(" \(reason) ")
        }
    }

    // MARK: The end

    private func check() async throws {
        let endpoints = try await cluster.endpoints()
        let client = EtcdClient(
            endpoint: endpoints[0],
            group: MultiThreadedEventLoopGroup.singleton
        )
        let (found, newest) = try await allWrites(client)
        await client.close()
        let lost = ledger.acknowledged.filter { found[$0.value] != $0.key }
        #expect(
            lost.isEmpty,
            "\(lost.count) of \(ledger.count) acknowledged writes, such as \(lost.prefix(3))"
        )
        try await compare(endpoints, at: newest)
        print("under load: \(ledger.count) writes kept, \(endpoints.count) members equal")
    }

    /// What the writers' keys hold and since which revision, and the newest revision of all.
    private func allWrites(
        _ client: EtcdClient
    ) async throws -> (found: [WriteLedger.Write: Int64], newest: Int64) {
        var found: [WriteLedger.Write: Int64] = [:]
        var start = Data("w/".utf8)
        while true {
            let page = try await client.range(
                .with {
                    $0.key = start
                    $0.rangeEnd = Data("w0".utf8)
                    $0.limit = 5_000
                }
            )
            for kv in page.kvs {
                let write = WriteLedger.Write(
                    key: String(decoding: kv.key, as: UTF8.self),
                    value: String(decoding: kv.value, as: UTF8.self)
                )
                found[write] = kv.modRevision
            }
            guard page.more, let last = page.kvs.last else { return (found, page.header.revision) }
            start = last.key + [0]
        }
    }

    private func compare(_ endpoints: [String], at revision: Int64) async throws {
        var hashes: [UInt32] = []
        for endpoint in endpoints {
            let client = EtcdClient(
                endpoint: endpoint,
                group: MultiThreadedEventLoopGroup.singleton
            )
            try await eventually("\(endpoint) has revision \(revision)") {
                guard let answer = try? await client.hashKV(revision: revision) else {
                    return false
                }
                hashes.append(answer.hash)
                return true
            }
            await client.close()
        }
        #expect(Set(hashes).count == 1, "the members differ: \(hashes)")
    }
}

/// The status as the operator wrote it last; empty while there is none.
private func readStatus(_ path: String) throws -> [String: Any] {
    guard let bytes = try? readFile(path) else { return [:] }
    let object = try JSONSerialization.jsonObject(with: Data(bytes))
    return (object as? [String: Any])?["body"] as? [String: Any] ?? [:]
}

extension WriteLedger {
    /// Keeps to the endpoints that a status file names, until the task is cancelled.
    fileprivate func follow(_ statusFile: String) async {
        while !Task.isCancelled {
            let found = try? readStatus(statusFile)["endpoints"] as? [String]
            if let found, !found.isEmpty, found != endpoints { endpoints = found }
            _ = try? await Task.sleep(for: .milliseconds(100))
        }
    }
}
