import EtcdProto
import FoundationEssentials
import SwiftProtobuf

/// Whether the messages of a snapshot fit together.
struct SnapshotCheck {
    /// The first message without its blob and its number of bytes.
    private(set) var first: SnapshotResponse?
    private var bytes: [UInt8] = []
    private var announced: UInt64?
    private var faults: [String] = []

    mutating func take(_ response: SnapshotResponse) {
        bytes += Array(response.blob)
        if first == nil {
            // The hash at the end comes on top of what the first message announces.
            announced = UInt64(response.blob.count) + response.remainingBytes
            first = SnapshotResponse.with {
                if response.hasHeader { $0.header = response.header }
                $0.version = response.version
            }
        } else if let announced, response.remainingBytes > 0,
            UInt64(bytes.count) + response.remainingBytes != announced
        {
            faults.append("\(response.remainingBytes) remain after \(bytes.count)")
        }
    }

    /// A sum of the database's bytes follows them.
    var verdict: String {
        let database = bytes.dropLast(32)
        if !database.count.isMultiple(of: 512) { return "\(bytes.count) bytes are no snapshot" }
        if UInt64(database.count) != announced {
            return "\(bytes.count) bytes, not \(announced ?? 0)"
        }
        if !faults.isEmpty { return faults.joined(separator: ", ") }
        return "a database and 32 bytes"
    }
}
