import EtcdProto
import Foundation
import Keyspace
import SwiftProtobuf
import TestKit
import Testing

/// Alarms in the log, and what they forbid.
@Suite struct AlarmTests {
    private func alarm(
        _ action: AlarmRequest.AlarmAction,
        _ kind: AlarmType,
        of member: UInt64 = 1
    ) -> InternalRaftRequest {
        .with {
            $0.alarm.action = action
            $0.alarm.alarm = kind
            $0.alarm.memberID = member
        }
    }

    private func answer(_ outcome: Outcome) throws -> [AlarmMember] {
        guard case .alarm(let response) = try outcome.result.get() else {
            Issue.record("an alarm has another answer")
            return []
        }
        return response.alarms
    }

    @Test(arguments: Seed.batch(50))
    func `alarms are a set that survives restarts`(seed: Seed) throws {
        var random = seed.generator()
        var driver = try Driver(MemoryBackend())
        var model: [AlarmMember] = []
        for _ in 0..<60 {
            let kind = random.pick([AlarmType.none, .nospace, .corrupt])
            let action = random.pick([AlarmRequest.AlarmAction.get, .activate, .deactivate])
            let one = AlarmMember.with {
                $0.memberID = UInt64(random.below(3))
                $0.alarm = kind
            }
            let was = model.contains(one)
            var wanted: [AlarmMember] = []
            switch action {
            case .activate where kind != .none:
                if !was { model.append(one) }
                wanted = [one]
            case .deactivate where was:
                model.removeAll { $0 == one }
                wanted = [one]
            case .get:
                wanted = model.filter { kind == .none || $0.alarm == kind }
            default: break
            }
            let order = { (left: AlarmMember, right: AlarmMember) in
                (left.alarm.rawValue, left.memberID) < (right.alarm.rawValue, right.memberID)
            }
            let got = try answer(driver.apply(alarm(action, kind, of: one.memberID)))
            #expect(got == wanted.sorted(by: order))
            if random.chance(0.2) {
                try driver.flush()
                driver = try Driver(driver.backend)
            }
            #expect(driver.keyspace.alarms == model.sorted(by: order))
            #expect(driver.keyspace.revision == 1)
        }
    }

    private func put(_ key: String) -> RequestOp { .with { $0.requestPut.key = bytes(key) } }

    /// A command of each kind, and whether each alarm refuses it.
    private var commands: [(InternalRaftRequest, noSpace: Bool, corrupt: Bool)] {
        let get = RequestOp.with { $0.requestRange.key = bytes("a") }
        let nested = RequestOp.with { $0.requestTxn.failure = [put("n")] }
        return [
            (.with { $0.put.key = bytes("a") }, true, true),
            (.with { $0.txn.success = [put("a")] }, true, true),
            // Real etcd does not look into nested transactions.
            (.with { $0.txn.failure = [get, nested] }, false, true),
            (.with { $0.txn.failure = [get, put("n")] }, true, true),
            (.with { $0.txn.success = [get] }, false, true),
            (.with { $0.range.key = bytes("a") }, false, true),
            (.with { $0.deleteRange.key = bytes("a") }, false, true),
            (.with { $0.compaction.revision = 1 }, false, true),
            (
                .with {
                    $0.leaseGrant.id = 7; $0.leaseGrant.ttl = 60
                }, true, true
            ),
        ]
    }

    @Test func `NOSPACE refuses what takes space, CORRUPT refuses all that uses keys`() throws {
        for (command, noSpace, corrupt) in commands {
            var driver = try Driver(MemoryBackend())
            _ = driver.apply(alarm(.activate, .nospace))
            #expect((driver.apply(command).error == .noSpace) == noSpace, "\(command)")
            driver = try Driver(MemoryBackend())
            _ = driver.apply(alarm(.activate, .corrupt, of: 0))
            #expect((driver.apply(command).error == .corrupt) == corrupt, "\(command)")
            // With both it is the worse one that is told.
            _ = driver.apply(alarm(.activate, .nospace))
            #expect((driver.apply(command).error == .corrupt) == corrupt, "\(command)")
            #expect(driver.keyspace.revision == 1)
        }
    }

    @Test func `while one member has no space the others' disarming does not count`() throws {
        var driver = try Driver(MemoryBackend())
        _ = driver.apply(alarm(.activate, .nospace, of: 1))
        _ = driver.apply(alarm(.activate, .nospace, of: 2))
        _ = driver.apply(alarm(.deactivate, .nospace, of: 1))
        #expect(driver.put("a").error == .noSpace)
        _ = driver.apply(alarm(.deactivate, .nospace, of: 2))
        #expect(driver.put("a").error == nil)
    }

    @Test func `an unknown action changes nothing and is answered`() throws {
        var driver = try Driver(MemoryBackend())
        let got = try answer(driver.apply(alarm(.UNRECOGNIZED(9), .nospace)))
        #expect(got.isEmpty)
        #expect(driver.keyspace.alarms.isEmpty)
    }
}
