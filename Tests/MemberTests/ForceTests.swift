import EtcdProto
import Keyspace
import Logging
import Member
import Raft
import Storage
import TestKit
import Testing

/// One member as all that is left of a cluster.
@Suite struct ForceTests {
    private func isAlone(_ member: Member, _ lost: LostMajority) -> Bool {
        member.membership.members.map(\.id) == [lost.own]
            && member.membership.voters.count == 1
            && member.confState == ConfState(voters: [lost.own.node])
    }

    @Test func `safety rule 3, a forced member is alone and has every entry of its log`() throws {
        let lost = try LostMajority()
        let before = try lost.start(lost.disk)
        #expect(try before.keys == ["k1", "k2"])
        #expect(before.membership.members.count == 3)

        let forced = try lost.force(lost.disk)
        let others = lost.cluster.members.map(\.id).filter { $0 != lost.own }
        #expect(Set(forced.removed) == Set(others + [LostMajority.learner.id]))
        #expect(forced.decidedEntries == 3)
        #expect(forced.log.memberID == lost.own)
        #expect(forced.log.clusterID == lost.cluster.clusterID)
        // What it returned with is durable.
        let member = try lost.start(lost.disk.afterPowerLoss(seed: 1, tear: .nothing))
        #expect(isAlone(member, lost))
        #expect(try member.keys == ["k1", "k2", "k3", "k4"])
        #expect(member.membership.member(lost.own)?.peerURLs == ["http://b:1"])
        #expect(Set(member.membership.removed) == Set(forced.removed))
        let rows = member.keyspace.bucketEntries(.members)
        #expect(rows.map { String(decoding: $0.key, as: UTF8.self) } == ["\(lost.own)"])
    }

    @Test func `forcing again changes nothing`() throws {
        let lost = try LostMajority()
        let first = try lost.force(lost.disk)
        let again = try lost.force(lost.disk)
        #expect(again.removed.isEmpty)
        #expect(again.decidedEntries == 0)
        #expect(again.log.contents.hardState == first.log.contents.hardState)
        #expect(again.log.contents.entries == first.log.contents.entries)
    }

    @Test(arguments: [false, true])
    func `a crash while it is forced leaves the cluster of before, or one that is forced`(
        isLearner: Bool
    ) throws {
        let lost = try LostMajority(ofLearner: isLearner)
        let disk = lost.disk
        disk.recordMoments()
        try lost.force(disk)
        let done = disk.momentCount
        var crashes = 0
        var forcedStarts = 0
        for (number, moment) in disk.moments.enumerated() {
            try moment.forEachPowerLoss(.bytes) { after, loss in
                crashes += 1
                let when = "before change \(number), \(loss)"
                if try checkStart(after, lost, mustBeAlone: number == done, when) {
                    forcedStarts += 1
                }
                // Some, to be done in seconds.
                guard crashes % 23 == 0 else { return try checkForced(after, lost, when) }
                crashes += try checkSecondCrash(after, lost, when)
            }
        }
        #expect(crashes > 200, "\(crashes)")
        #expect(forcedStarts > 0 && forcedStarts < crashes)
    }

    /// A start without the flag: the member goes on in the cluster that it knew, with all that it
    /// knew to be committed, or alone with everything. Tells whether it is alone.
    private func checkStart(
        _ disk: MemoryDisk,
        _ lost: LostMajority,
        mustBeAlone: Bool,
        _ when: String
    ) throws -> Bool {
        let member = try lost.start(disk.afterPowerLoss(seed: 1, tear: .nothing))
        let keys = try member.keys
        if isAlone(member, lost) {
            if keys != ["k1", "k2", "k3", "k4"] { Issue.record("\(keys): \(when)") }
            return true
        }
        if mustBeAlone { Issue.record("not durable: \(when)") }
        let isAsBefore = member.membership.members.count == 3 && keys == ["k1", "k2"]
        if !isAsBefore { Issue.record("\(member.membership.members), \(keys): \(when)") }
        let contents = try WAL.read(on: disk, directory: LostMajority.log)
        if contents.lastIndex.rawValue < 9 { Issue.record("\(contents.lastIndex): \(when)") }
        return false
    }

    private func checkForced(_ disk: MemoryDisk, _ lost: LostMajority, _ when: String) throws {
        try lost.force(disk)
        let member = try lost.start(disk)
        let keys = try member.keys
        if !isAlone(member, lost) || keys != ["k1", "k2", "k3", "k4"] {
            Issue.record("forced again: \(member.membership.members), \(keys): \(when)")
        }
    }

    private func checkSecondCrash(
        _ disk: MemoryDisk,
        _ lost: LostMajority,
        _ when: String
    ) throws -> Int {
        disk.recordMoments()
        try lost.force(disk)
        var crashes = 0
        for (number, moment) in disk.moments.enumerated() {
            try moment.forEachPowerLoss(.sectors) { after, loss in
                crashes += 1
                let both = "\(when); then before change \(number), \(loss)"
                _ = try checkStart(after, lost, mustBeAlone: false, both)
                try checkForced(after, lost, both)
            }
        }
        return crashes
    }

    @Test func `a learner that is left becomes the voter`() throws {
        let lost = try LostMajority(ofLearner: true)
        let forced = try lost.force(lost.disk)
        #expect(forced.removed.count == 3)
        let member = try lost.start(lost.disk)
        #expect(isAlone(member, lost))
        #expect(try member.keys == ["k1", "k2", "k3", "k4"])
    }

    @Test func `a member whose log has not got as far as itself is added`() throws {
        let lost = try LostMajority()
        let stranger = MemberID(rawValue: 0xE)
        let disk = MemoryDisk()
        let wal = try WAL.create(
            on: disk,
            directory: LostMajority.log,
            metadata: Startup.metadata(stranger, lost.cluster.clusterID)
        )
        let contents = try WAL.read(on: lost.disk, directory: LostMajority.log)
        try wal.append(contents.entries, hardState: contents.hardState)
        try wal.sync()
        wal.close()
        func force(_ peerURLs: [String]) throws -> Startup.Forced {
            try Startup.force(
                lost.open(disk),
                Keyspace(backend: lost.backend()),
                peerURLs: peerURLs,
                maxLearners: 1,
                on: disk,
                directory: LostMajority.log
            )
        }
        #expect(throws: StartError.addressTaken(stranger, peerURLs: ["http://a:1"])) {
            try force(["http://a:1"])
        }
        let forced = try force(["http://e:1"])
        forced.log.wal.close()
        let member = try LostMajority.member(
            stranger,
            forced.log.clusterID,
            forced.log.contents,
            lost.backend()
        )
        try member.replay()
        #expect(member.membership.members.map(\.id) == [stranger])
        #expect(member.membership.members.first?.peerURLs == ["http://e:1"])
    }

    @Test func `nothing is forced out of an empty log, or of a member that was removed`() throws {
        let lost = try LostMajority()
        let disk = MemoryDisk()
        let joined = try Startup.openLog(
            on: disk,
            directory: LostMajority.log,
            first: .join(lost.cluster.clusterID, member: lost.own),
            applied: .zero
        )
        #expect(throws: StartError.nothingToForce(directory: LostMajority.log)) {
            try Startup.force(
                joined,
                Keyspace(backend: MemoryBackend()),
                peerURLs: [],
                maxLearners: 1,
                on: disk,
                directory: LostMajority.log
            )
        }
        let log = try lost.open(lost.disk)
        let removal = ConfChange(kind: .removeNode, node: lost.own.node)
        let entry = Entry(
            term: Term(rawValue: 2),
            index: LogIndex(rawValue: 10),
            kind: .confChange,
            data: removal.encoded()
        )
        try log.wal.append([entry], hardState: nil)
        try log.wal.sync()
        log.wal.close()
        #expect(throws: StartError.removed(lost.own)) { try lost.force(lost.disk) }
    }
}

/// A snapshot of what is left, without a member.
@Suite struct SalvageTests {
    private func salvage(_ lost: LostMajority, _ backend: MemoryBackend) throws -> Salvage {
        try Salvage(
            StoreDirectories(in: "/data/member", on: lost.disk) { _ throws(BackendError) in
                backend
            },
            on: lost.disk,
            log: LostMajority.log,
            logger: .init(label: "salvage") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test func `safety rule 3, a snapshot has every entry of the log`() throws {
        let lost = try LostMajority()
        let backend = try lost.backend()
        let salvaged = try salvage(lost, backend)
        #expect(salvaged.memberID == lost.own)
        #expect(salvaged.clusterID == lost.cluster.clusterID)
        #expect(salvaged.raise.before.commit.rawValue == 6)
        #expect((salvaged.raise.lastIndex.rawValue, salvaged.raise.lastTerm.rawValue) == (9, 2))
        #expect(salvaged.keyspace.keyCount == 4)
        try lost.disk.createDirectory("/s")
        let file = try lost.disk.open("/s/salvaged.db", .create)
        let status = try salvaged.write(to: file)
        #expect(status.revision == 5)
        #expect(try SnapshotChecksum(of: file) == .right)

        let loaded = MemoryBackend()
        let summary = try SnapshotFile.load(file, into: loaded)
        #expect(summary.consistentIndex.rawValue == 9)
        #expect(summary.term.rawValue == 2)
        let keyspace = try Keyspace(backend: loaded)
        #expect(try keyspace.hashKV(at: 0) == salvaged.keyspace.hashKV(at: 0))
        // Nobody was removed, and nobody has stood for election.
        let membership = try Membership(restoring: loaded.openView())
        #expect(membership.members.count == 4)
    }

    @Test func `a salvage may be done again`() throws {
        let lost = try LostMajority()
        let backend = try lost.backend()
        let hash = try salvage(lost, backend).keyspace.hashKV(at: 0)
        backend.reopen()
        let again = try salvage(lost, backend)
        #expect(try again.keyspace.hashKV(at: 0) == hash)
        #expect(again.raise.entries == 0)
    }

    @Test func `what a lone member of a forced cluster holds is salvaged as it is`() throws {
        let lost = try LostMajority()
        try lost.force(lost.disk)
        let salvaged = try salvage(lost, lost.backend())
        #expect(salvaged.raise.lastIndex.rawValue == 12)
        #expect(salvaged.keyspace.consistentIndex == 12)
        #expect(salvaged.keyspace.term == 2)
        let contents = try WAL.read(on: lost.disk, directory: LostMajority.log)
        #expect(contents.lastIndex.rawValue == 12)
    }
}
