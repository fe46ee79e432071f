import EtcdClient
import EtcdProto
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import TestKit
import Testing

/// A cluster of members of several kinds, with writers and a watch from its first moment to its
/// last. At the end every acknowledged write must be there, told by the watch once and in order,
/// and all members must hold the same.
final class MixedCluster {
    private(set) var machines: [Machine] = []
    private(set) var ledger = WriteLedger()
    private let folder: TemporaryDirectory
    private let ports: [Int]
    private var numbers = 0

    private init() throws {
        folder = try TemporaryDirectory("mixed")
        ports = freePorts(2 * Self.mostMachines)
    }

    deinit { folder.remove() }

    /// How many a cluster may have in all its life.
    private static let mostMachines = 6

    /// Starts a cluster; `flags` are those of every machine, or of the one of a position.
    static func with(
        _ kinds: [Kind],
        flags: (Int) -> [String] = { _ in [] },
        prepare: (MixedCluster) async throws -> Void = { _ in },
        _ body: (MixedCluster) async throws -> Void
    ) async throws {
        let cluster = try MixedCluster()
        for (index, kind) in kinds.enumerated() { cluster.add(kind, flags(index)) }
        let initial = cluster.machines.map { "\($0.name)=\($0.peer)" }.joined(separator: ",")
        do {
            for machine in cluster.machines { try machine.start(initial, state: "new") }
            for machine in cluster.machines { try await machine.waitUntilServing() }
            try await prepare(cluster)
            try await cluster.watched(body)
        } catch {
            for machine in cluster.machines {
                print("--- \(machine.name), \(machine.kind)\n\(machine.log.suffix(3_000))")
            }
            throw error
        }
        for machine in cluster.machines { try await machine.kill() }
    }

    private func watched(_ body: (MixedCluster) async throws -> Void) async throws {
        ledger.endpoints = machines.map(\.client)
        let first = try await revision() + 1
        let everywhere = stride(from: 0, to: ports.count, by: 2).map {
            "http://127.0.0.1:\(ports[$0])"
        }
        let watch = try WatchRecord(everywhere, from: first)
        let ledger = ledger
        let writers = Task {
            await withTaskGroup { group in
                for writer in 0..<3 { group.addTask { await ledger.write(as: writer) } }
            }
        }
        do {
            try await progress()
            try await body(self)
            try await progress()
        } catch {
            writers.cancel()
            await writers.value
            throw error
        }
        writers.cancel()
        await writers.value
        try await check(watch, from: first)
    }

    @discardableResult
    private func add(_ kind: Kind, _ flags: [String]) -> Machine {
        let machine = Machine(
            kind,
            number: numbers,
            ports: ports[(2 * numbers)..<(2 * numbers + 2)],
            folder: folder.path,
            flags: flags
        )
        numbers += 1
        machines.append(machine)
        return machine
    }

    // MARK: What a test does

    /// Waits for writes that were begun after now.
    func progress() async throws {
        let least = ledger.count + 30
        try await eventually("writes go on", within: .seconds(60)) { ledger.count >= least }
    }

    func leader() async throws -> Machine {
        var found: Machine?
        try await eventually("somebody leads", within: .seconds(30)) {
            for machine in machines where machine.isRunning {
                if await machine.leads() { found = machine }
            }
            return found != nil
        }
        return try #require(found)
    }

    /// Moves leadership to this machine.
    func lead(_ machine: Machine) async throws {
        let id = try await machine.id()
        try await eventually("\(machine.name) (\(machine.kind)) leads", within: .seconds(30)) {
            if await machine.leads() { return true }
            _ = try? await leader().etcd.moveLeader(to: id)
            return await machine.leads()
        }
    }

    /// Adds a learner of this kind, waits until it has caught up, and promotes it.
    @discardableResult
    func join(_ kind: Kind, flags: [String] = []) async throws -> Machine {
        let machine = try await announce(kind, flags: flags)
        try start(machine)
        try await eventually("the learner has what there is", within: .seconds(60)) {
            guard let own = try? await machine.etcd.status(timeout: .seconds(1)) else {
                return false
            }
            return own.header.revision > 0 && own.raftAppliedIndex > 1
        }
        let id = try await machine.id()
        try await eventually("\(machine.name) is promoted", within: .seconds(60)) {
            if let list = try? await machines[0].etcd.memberList(),
                list.members.contains(where: { $0.id == id.rawValue && !$0.isLearner })
            {
                return true
            }
            _ = try? await leader().etcd.memberPromote(id)
            return false
        }
        try await machine.waitUntilServing()
        ledger.endpoints.append(machine.client)
        return machine
    }

    /// Adds a learner that is not started yet.
    func announce(_ kind: Kind, flags: [String] = []) async throws -> Machine {
        let asked = machines[0].etcd
        let machine = add(kind, flags)
        try await eventually("\(machine.name) is added", within: .seconds(60)) {
            if let list = try? await asked.memberList(),
                list.members.contains(where: { $0.peerUrls == [machine.peer] })
            {
                return true
            }
            _ = try? await asked.memberAddLearner(peerURLs: [machine.peer])
            return false
        }
        return machine
    }

    func start(_ machine: Machine) throws {
        let all = machines.map { "\($0.name)=\($0.peer)" }.joined(separator: ",")
        try machine.start(all, state: "existing")
    }

    /// Removes a member from the cluster and waits until its process has ended because of that.
    func remove(_ machine: Machine) async throws {
        let id = try await machine.id()
        ledger.endpoints.removeAll { $0 == machine.client }
        try await remove(id, of: machine)
        try await machine.waitForEnd()
    }

    /// Removes a member that does not run.
    func remove(_ id: MemberID, of machine: Machine) async throws {
        machines.removeAll { $0 === machine }
        let asked = try #require(machines.first)
        try await eventually("\(machine.name) is removed", within: .seconds(60)) {
            if let list = try? await asked.etcd.memberList(),
                !list.members.contains(where: { $0.id == id.rawValue })
            {
                return true
            }
            _ = try? await asked.etcd.memberRemove(id)
            return false
        }
    }

    /// Ends a machine and starts it again; writes go on while it is away.
    func bounce(_ machine: Machine, flags: [String]? = nil) async throws {
        try await machine.interrupt()
        if machines.count > 2 { try await progress() }
        try machine.restart(flags: flags)
        try await machine.waitUntilServing()
    }

    // MARK: What must hold

    /// The newest revision, as a quorum knows it.
    private func revision() async throws -> Int64 {
        var revision: Int64?
        try await eventually("a quorum answers", within: .seconds(30)) {
            let request = RangeRequest.with { $0.key = Data("none".utf8) }
            revision = try? await machines[0].etcd.range(request).header.revision
            return revision != nil
        }
        return try #require(revision)
    }

    /// All members have the same at the newest revision.
    func checkHashes() async throws {
        let newest = try await revision()
        var hashes: [HashKVResponse] = []
        for machine in machines {
            try await eventually("\(machine.name) has all", within: .seconds(60)) {
                try await machine.etcd.status().header.revision >= newest
            }
            hashes.append(try await machine.etcd.hashKV(revision: newest))
        }
        let texts = zip(machines, hashes).map { "\($0.kind): \($1.hash) \($1.compactRevision)" }
        #expect(Set(hashes.map(\.hash)).count == 1, "\(texts)")
        #expect(Set(hashes.map(\.compactRevision)).count == 1, "\(texts)")
    }

    private func check(_ watch: WatchRecord, from first: Int64) async throws {
        try await checkHashes()
        let newest = try await revision()
        try await watch.waitForRevision(newest)
        let events = try watch.events()
        var expected = first
        var told: [Int64: WriteLedger.Write] = [:]
        for (revision, write) in events {
            // Several of one revision are a lease's end.
            if revision == expected - 1, write.value.isEmpty { continue }
            guard revision == expected else {
                Issue.record("the watch tells \(revision) after \(expected - 1)")
                break
            }
            expected += 1
            told[revision] = write
        }
        // What writers gave up when they were told to stop may have come after that.
        #expect(expected > newest)
        let values = told.values.filter { $0.key.hasPrefix("w/") }.map(\.value)
        #expect(Set(values).count == values.count, "a write has happened twice")
        let acknowledged = ledger.acknowledged
        for (revision, write) in acknowledged where told[revision] != write {
            Issue.record("\(write), acknowledged at \(revision): \(told[revision] as Any)")
        }
        print("mixed: \(acknowledged.count) writes kept, \(newest) revisions")
    }
}
