package import Raft

extension WAL {
    /// What a log's files hold, as far as it can be told, damage included. Nothing is changed.
    package struct Inspection: Sendable {
        /// One file, read on its own.
        package struct Segment: Sendable {
            package let name: String
            package let bytes: Int64
            /// Where its last whole record ends.
            package let end: Int64
            package let records: Int
            /// The lowest and the highest index of its entries.
            package let entries: ClosedRange<LogIndex>?
            /// Where and why reading stopped before the end; nil when it did not.
            package let damage: WALError?
        }

        package let segments: [Segment]
        /// What a member would start with, or why it would not.
        package let verdict: Result<Contents, WALError>
    }

    /// Looks at every segment in the directory, and then at the log as a whole.
    package static func inspect(
        on disk: any Disk,
        directory: String
    ) throws(WALError) -> Inspection {
        let directory = Path.withoutTrailingSlash(directory)
        let names: [SegmentName]
        do throws(DiskError) {
            names = try disk.list(directory).compactMap(SegmentName.init)
        } catch {
            throw .disk(error)
        }
        guard !names.isEmpty else { throw .absent(directory: directory) }
        var segments: [Inspection.Segment] = []
        var crc: CRC32C?
        for name in names {
            let isLast = name == names.last
            let path = Path.join(directory, name.description)
            segments.append(try segment(name, path, on: disk, isLast: isLast, crc: &crc))
        }
        let verdict = Result { () throws(WALError) in
            try read(on: disk, directory: directory)
        }
        return Inspection(segments: segments, verdict: verdict)
    }

    /// Walks over one segment until its end or its damage. `crc` goes from segment to segment;
    /// behind damage it is unknown, and the next one's own word is taken.
    private static func segment(
        _ name: SegmentName,
        _ path: String,
        on disk: any Disk,
        isLast: Bool,
        crc: inout CRC32C?
    ) throws(WALError) -> Inspection.Segment {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try disk.read(path, maxSize: Reading.segmentBytesMax)
        } catch {
            throw .disk(error)
        }
        var reader = SegmentReader(path: path, bytes: bytes, isLast: isLast, crc: crc)
        var records = 0
        var entries: ClosedRange<LogIndex>?
        var damage: WALError?
        do throws(WALError) {
            reading: while true {
                switch try reader.next(index: entries.map { $0.upperBound + 1 } ?? .zero) {
                case .end, .torn: break reading
                case .record(let kind, let data):
                    records += 1
                    guard kind == .entry else { continue }
                    guard let entry = try? Entry(decoding: reader.bytes[data]) else {
                        throw reader.damaged("an entry cannot be read", index: .zero)
                    }
                    let low = min(entries?.lowerBound ?? entry.index, entry.index)
                    entries = low...max(entries?.upperBound ?? entry.index, entry.index)
                }
            }
            crc = reader.crc
        } catch {
            damage = error
            crc = nil
        }
        return Inspection.Segment(
            name: name.description,
            bytes: Int64(bytes.count),
            end: Int64(reader.position),
            records: records,
            entries: entries,
            damage: damage
        )
    }
}
