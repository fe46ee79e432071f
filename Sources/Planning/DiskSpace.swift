package import ClusterAPI

/// What is left of the file system that holds the state directory.
package struct DiskSpace: Hashable, Sendable {
    /// Bytes.
    package var free: Int64
    /// Looked at only while space is short.
    package var trash: [Trash] = []

    /// A directory that was taken out of use.
    package struct Trash: Hashable, Sendable {
        package var path: String
        package var bytes: Int64
        /// Whose it was.
        package var member: String

        package init(path: String, bytes: Int64, member: String) {
            self.path = path
            self.bytes = bytes
            self.member = member
        }
    }

    package init(free: Int64) {
        self.free = free
    }

    /// What members need to go on for a while: each takes its log in pieces of 64 MiB.
    package static let reserve = Quantity(bytes: 256 << 20)

    package var isShort: Bool { free < DiskSpace.reserve.bytes }

    /// More than the operator's ballast, so that what it gives back is not taken by members.
    private static let least = Quantity(bytes: 32 << 20)

    /// There is nothing left for members.
    var isFull: Bool { free < DiskSpace.least.bytes }

    static var remedy: String { "it is started again when \(least) are free" }

    /// There is room for so much more, and the reserve stays.
    fileprivate func hasRoom(for bytes: Int64) -> Bool {
        free - DiskSpace.reserve.bytes >= bytes
    }

    fileprivate var summary: String {
        "less than \(DiskSpace.reserve) are free where the state directory is"
    }
}

extension Observation {
    /// Why nothing may be done now that writes a copy of a member's data; nil when there is room,
    /// or nobody knows.
    var lacksRoom: String? {
        let copy = serving.compactMap(\.probe.dbSize).max() ?? 0
        guard let space, !space.hasRoom(for: copy) else { return nil }
        return "there is no room on the disk for another copy of the data"
    }
}

/// Tells that the disk is filling up, and what could be removed. Nothing is removed by itself: as
/// long as there are no backups, the trash is the only copy of what once was (safety rule 9).
func noteDiskPressure(
    _ record: ClusterRecord,
    _ seen: Observation,
    _ findings: inout Findings
) {
    guard let space = seen.space, space.isShort else { return }
    findings.note(
        .degraded,
        "DiskPressure",
        "\(space.summary): members end when nothing is. \(advice(space, record, seen))"
    )
}

private func advice(
    _ space: DiskSpace,
    _ record: ClusterRecord,
    _ seen: Observation
) -> String {
    if space.trash.isEmpty { return "Free some; the cluster's trash is empty" }
    // Only what the cluster has led out itself, and whose data nobody may want to look into. Once
    // a majority was lost, whoever left before may hold the last copy of an acknowledged write.
    let spent = space.trash.filter { trash in
        record.departed.contains { $0.member == trash.member && $0.cause.leavesNothing }
    }
    let size = Quantity(bytes: space.trash.reduce(0) { $0 + $1.bytes })
    guard !spent.isEmpty, record.incarnation == 1, seen.isWholeAndEqual(record) else {
        return "The cluster's trash holds \(size), which should stay until all members serve, "
            + "their data was found equal, and you have a backup"
    }
    let paths = spent.map { quoted($0.path) }.joined(separator: " ")
    let freed = Quantity(bytes: spent.reduce(0) { $0 + $1.bytes })
    return
        "All members serve and hold the same, so what members that have left had is of no use to "
        + "the cluster: `rm -r \(paths)` frees \(freed)"
}

/// As a shell takes it for one word.
private func quoted(_ path: String) -> String {
    let plain = path.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
    if plain { return path }
    return "'"
        + path.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "'\\''") + "'"
}

extension Departure.Cause {
    /// It had nothing that the cluster has not.
    fileprivate var leavesNothing: Bool {
        switch self {
        case .scaledDown, .unhealthy, .removed, .fellBehind, .dataLost: true
        case .dataDamaged, .dataDiffers: false
        }
    }
}

extension Observation {
    /// Every voter serves, nobody comes or goes, and the last comparison found all of them equal
    /// and is not old.
    fileprivate func isWholeAndEqual(_ record: ClusterRecord) -> Bool {
        guard let electorate = Electorate(self), electorate.isWhole, alarms.isEmpty,
            record.members.allSatisfy({ $0.isVoter && $0.departure == nil }),
            let last = comparisons.last
        else { return false }
        let voters = record.members.map(\.name)
        return last.verdict(voters: voters) == .agreed && electorate.voters.count == voters.count
            && now.monotonic - last.at < max(spec.maintenance.hashCheck * 2, .seconds(600))
    }
}
