import Foundation
import Operator
import Planning
import Storage
import TestKit
import Testing

/// What a directory is said to be, for everything that can be found there (safety rule 5).
@Suite struct MemberDirectoryTests {
    private let record = Sample.record(phase: .bootstrapped)

    private struct Place {
        let folder: TemporaryDirectory
        let member: MemberDirectory
        let disk = FileDisk()

        init(_ record: ClusterRecord, sentinel: Bool = true) throws {
            folder = try TemporaryDirectory("members")
            let cluster = try StateDirectory(creating: folder.path).cluster(Sample.name)
            if sentinel { try cluster.writeSentinel(record.uid) }
            member = cluster.member("orders-0")
        }

        func write(_ path: String) throws {
            try disk.createDirectory(
                path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            )
            try disk.replace(path, with: [1])
        }
    }

    @Test func `nothing there is gone, and unknown without the sentinel`() throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        #expect(place.member.state(in: record) == .gone)
        let bare = try Place(record, sentinel: false)
        defer { bare.folder.remove() }
        guard case .unknown = bare.member.state(in: record) else {
            Issue.record("a lost mount is no lost directory")
            return
        }
    }

    @Test(arguments: ["", "/data"])
    func `rule 5: a link to a disk that is not mounted is no lost directory`(part: String) throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        let link = place.member.path + part
        try place.disk.createDirectory(
            String(link.dropLast(link.split(separator: "/").last!.count))
        )
        try FileManager.default.createSymbolicLink(
            atPath: link,
            withDestinationPath: "\(place.folder.path)/not-mounted"
        )
        guard case .unknown(let why) = place.member.state(in: record) else {
            Issue.record("it is \(place.member.state(in: record))")
            return
        }
        #expect(why.hasPrefix(link))
    }

    @Test func `a stamped directory is empty until it has a log`() throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        try place.member.stamp(record)
        #expect(place.member.state(in: record) == .empty)
        try place.write(place.member.data + "/member/snap/db")
        #expect(place.member.state(in: record) == .empty)
        try place.write(place.member.data + "/member/wal/0000000000000000-0000000000000000.wal")
        #expect(place.member.state(in: record) == .intact)
        try place.member.mark(damage: "found its data corrupt: crc")
        guard case .damaged(let why) = place.member.state(in: record) else {
            Issue.record("what was found corrupt is damaged")
            return
        }
        // The message says how to have it tried again.
        let mark = place.member.path + "/damaged"
        #expect(why.contains("crc") && why.contains("remove \(mark)"))
        try place.disk.remove(mark)
        #expect(place.member.state(in: record) == .intact)
    }

    @Test func `files without a stamp, or with another's, are foreign and stay unstamped`() throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        try place.write(place.member.data + "/member/wal/0-0.wal")
        guard case .foreign = place.member.state(in: record) else {
            Issue.record("files of nobody are foreign")
            return
        }
        var other = record
        other.uid = "00000000000000bb"
        try place.member.stamp(other)
        guard case .foreign = place.member.state(in: record) else {
            Issue.record("another cluster's files are foreign")
            return
        }
        let error = #expect(throws: OperatorError.self) { try place.member.stamp(record) }
        #expect(error?.code == .foreign)
    }

    @Test func `a damaged stamp says nothing about the data`() throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        try place.member.stamp(record)
        try place.write(place.member.path + "/identity.json")
        guard case .unknown = place.member.state(in: record) else {
            Issue.record("an unreadable stamp is unknown")
            return
        }
    }

    @Test(arguments: ["member/lock", "member/snap/db"])
    func `rule 12: data whose lock is held is in use, whoever holds it`(name: String) throws {
        let place = try Place(record)
        defer { place.folder.remove() }
        try place.member.claim().release()
        try place.write(place.member.data + "/" + name)
        try place.member.claim().release()
        let lock = try place.disk.lock(place.member.data + "/" + name)
        let error = #expect(throws: OperatorError.self) { try place.member.claim() }
        #expect(error?.code == .foreign)
        lock.release()
        try place.member.claim().release()
    }
}
