package import Storage

/// Reads a file line by line while others append to it and roll it over; every line comes once.
///
/// A file is rolled over in two ways: it moves to `<path>.1` and another is begun (`LineFile`, the
/// start of a member), or it is copied there and cut (`MemberLog.trim`); older ones move on to `.2`
/// and so forth. What was the newest file when we last looked, or the copy of it, is therefore the
/// one that follows its predecessor of then, however many have come since:
///
///     then   .1 = P, read C up to 700
///     moved  .3 = P, .2 = C, .1 = D         read C from 700, D, the new one
///     cut    .2 = P, .1 = copy of C, C      read the copy from 700, C from its beginning
///
/// Files are known by device and inode. Those that matter are held open, so that no other file gets
/// their numbers.
package struct GrowingFile {
    private struct Generation {
        let identity: FileStatus
        let file: any DiskFile

        func isSame(as status: FileStatus?) -> Bool {
            identity.inode == status?.inode && identity.device == status?.device
        }
    }

    /// How much is read at once. A longer line is cut.
    private static let chunk = 1 << 18

    private let path: String
    private let disk: any Disk
    private let kept: Int
    /// What is still to be read; the last one grows.
    private var chain: [Generation] = []
    /// The next line begins here, in the first of the chain.
    private var offset: Int64 = 0
    /// What came just before it there.
    private var before: [UInt8] = []
    /// The file before the last of the chain.
    private var predecessor: Generation?
    private var isBegun: Bool
    /// Lines that were lost because the file was rolled over too often between two looks.
    package private(set) var hasGap = false

    /// - Parameters:
    ///   - kept: How many older files there may be: `<path>.1` to `<path>.<kept>`.
    ///   - fromOldest: Begin with the oldest of them instead of the file itself.
    package init(path: String, kept: Int, fromOldest: Bool, disk: any Disk) {
        self.path = path
        self.kept = kept
        self.disk = disk
        isBegun = fromOldest
    }

    /// Some of the lines that have come since the last call, without their line ends; none when
    /// that is all for now.
    package mutating func next() throws(OperatorError) -> [[UInt8]] {
        hasGap = false
        do throws(DiskError) {
            while true {
                if chain.count > 1 {
                    if let lines = try readOlder() { return lines }
                    continue
                }
                let bytes = try chain.first?.file.read(at: offset, count: GrowingFile.chunk) ?? []
                // Only if the file was not cut before it was read are these bytes what they seem.
                if try look() { continue }
                return take(bytes) ?? []
            }
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// The beginning of a line that has not ended yet.
    package func unfinished() throws(OperatorError) -> [UInt8] {
        do throws(DiskError) {
            return try chain.last?.file.read(at: offset, count: GrowingFile.chunk) ?? []
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// From a file to which nothing is added any more; nil at its end, when the next one follows.
    private mutating func readOlder() throws(DiskError) -> [[UInt8]]? {
        let bytes = try chain[0].file.read(at: offset, count: GrowingFile.chunk)
        if let lines = take(bytes) { return lines }
        chain.removeFirst()
        (offset, before) = (0, [])
        return bytes.isEmpty ? nil : [bytes]
    }

    /// The whole lines at the beginning of the bytes that come next; nil if there are none.
    private mutating func take(_ bytes: [UInt8]) -> [[UInt8]]? {
        let newline = UInt8(ascii: "\n")
        if let last = bytes.lastIndex(of: newline) {
            advance(over: bytes[...last])
            return bytes[..<last].split(separator: newline, omittingEmptySubsequences: false)
                .map(Array.init)
        }
        guard bytes.count == GrowingFile.chunk else { return nil }
        advance(over: bytes[...])
        return [bytes]
    }

    private mutating func advance(over bytes: ArraySlice<UInt8>) {
        offset += Int64(bytes.count)
        before = Array((before + bytes).suffix(64))
    }

    /// Finds out what has come after the newest file that is known; false when that goes on as it
    /// was read.
    private mutating func look() throws(DiskError) -> Bool {
        let current = chain.last
        if isBegun, try isStill(current, at: path), try isStill(predecessor, at: path + ".1") {
            guard let current, try current.file.size() < offset else { return false }
            restart()
            return true
        }
        let all = try generations()
        guard isBegun else {
            isBegun = true
            (chain, predecessor) = (Array(all.suffix(1)), all.dropLast().last)
            return true
        }
        let known = all.firstIndex { $0.isSame(as: predecessor?.identity) }
        var next = Array(all[((known ?? -1) + 1)...])
        let previous = next.isEmpty ? all.last : all.dropLast().last
        if let current {
            let isNewest = next.last?.isSame(as: current.identity) == true
            let isUncut = try isUncut(current)
            if known == nil, isLost(current, all) {
                // What is left of the file itself can still be read.
                if isUncut, !isNewest { next.insert(current, at: 0) } else { restart() }
                hasGap = true
            } else if isNewest, offset == 0 ? next.count == 1 : isUncut {
                // At most it is being copied: then its end is found when it has been cut.
                if next.count == 1 { predecessor = previous }
                return false
            } else if isNewest, next.count == 1 {
                restart()
            } else if let size = try next.first?.file.size(), size < offset {
                restart()
            }
        }
        if next.isEmpty { (offset, before) = (0, []) }
        let isNews = !next.isEmpty || current != nil
        chain = next
        predecessor = previous
        return isNews
    }

    /// Whether files have come and gone that nobody has seen, when the predecessor is not there.
    private func isLost(_ current: Generation, _ all: [Generation]) -> Bool {
        if all.first?.isSame(as: current.identity) == true { return false }
        return predecessor != nil || all.count > kept
    }

    private mutating func restart() {
        (offset, before) = (0, [])
        hasGap = true
    }

    /// It goes on as it was read.
    private func isUncut(_ generation: Generation) throws(DiskError) -> Bool {
        let start = offset - Int64(before.count)
        return try generation.file.read(at: start, count: before.count) == before
    }

    private func isStill(_ generation: Generation?, at path: String) throws(DiskError) -> Bool {
        let status = try disk.status(path)
        return generation.map { $0.isSame(as: status) } ?? (status == nil)
    }

    /// The files that there are, oldest first.
    private func generations() throws(DiskError) -> [Generation] {
        let names = stride(from: kept, through: 1, by: -1).map { "\(path).\($0)" } + [path]
        while true {
            var found: [Generation] = []
            for name in names {
                guard let identity = try disk.status(name) else { continue }
                do throws(DiskError) {
                    found.append(Generation(identity: identity, file: try disk.open(name, .read)))
                } catch {
                    // It was moved on since; then the names are looked at again.
                    if error.kind != .notFound { throw error }
                }
            }
            // A name means the file that was opened only if nothing has moved meanwhile.
            var now: [FileStatus] = []
            for name in names { if let status = try disk.status(name) { now.append(status) } }
            let isStable =
                now.count == found.count
                && zip(found, now).allSatisfy { $0.isSame(as: $1) }
            if isStable { return found }
        }
    }
}
