import EtcdProto
import SwiftProtobuf

/// What a normal entry asks for.
///
/// Members of 3.5 and before write some requests in the form of the old v2 store, either in place
/// of an `InternalRaftRequest` or inside one; those that matter to us mean the same as newer
/// requests.
enum EntryCommand {
    /// A leader's first entry, or what takes the place of a conf change that came too early.
    case empty
    case request(InternalRaftRequest)
    case setAttributes(MemberAttributes, of: MemberID, id: UInt64)
    case setClusterVersion(ServerVersion, id: UInt64)
    /// A v2 request that changes nothing.
    case nothing(id: UInt64)
    /// What no member that we can share a log with writes.
    case unknown(String, id: UInt64)

    init(decoding data: [UInt8]) {
        if data.isEmpty {
            self = .empty
        } else if let request = try? InternalRaftRequest(
            serializedBytes: data,
            options: .logEntry
        ) {
            self =
                request.hasV2 ? EntryCommand(request.v2, id: request.header.id) : .request(request)
        } else if let request = try? ServerV2Request(serializedBytes: data) {
            self = EntryCommand(request, id: 0)
        } else {
            self = .unknown("neither a request nor one of the v2 store", id: 0)
        }
    }

    private init(_ request: ServerV2Request, id: UInt64) {
        let id = id == 0 ? request.id : id
        switch request.method {
        case "SYNC", "QGET":
            self = .nothing(id: id)
        case "PUT":
            self = EntryCommand(put: request.path, value: request.val, id: id)
        default:
            self = .unknown("v2 \(request.method) of \(request.path)", id: id)
        }
    }

    private init(put path: String, value: String, id: UInt64) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if path == "/0/version", let version = ServerVersion(value) {
            self = .setClusterVersion(version, id: id)
        } else if parts.count == 5, path.hasPrefix("/0/members/"), parts[4] == "attributes",
            let member = MemberID(hex: parts[3]),
            let attributes = try? MemberAttributes(json: Array(value.utf8))
        {
            self = .setAttributes(attributes, of: member, id: id)
        } else {
            self = .unknown("v2 PUT of \(path)", id: id)
        }
    }

    /// The version that an entry's bytes give to the cluster, of which nothing else is decoded; nil
    /// when they are about something else. The request is field 1300, its version field 1.
    static func clusterVersion(in data: [UInt8]) -> ServerVersion? {
        guard let request = ProtobufScan(data[...]).bytes(ofField: 1300),
            let version = ProtobufScan(request).bytes(ofField: 1)
        else { return nil }
        return ServerVersion(String(decoding: version, as: UTF8.self))
    }

    /// The id of the request in an entry's bytes, without decoding the rest of it; nil when it has
    /// none. The header is field 100, its id field 1.
    static func requestID(in data: [UInt8]) -> UInt64? {
        guard let header = ProtobufScan(data[...]).bytes(ofField: 100) else { return nil }
        return ProtobufScan(header).number(ofField: 1)
    }
}

/// Looks for one field of an encoded protobuf message.
private struct ProtobufScan {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    func bytes(ofField number: UInt64) -> ArraySlice<UInt8>? {
        var scan = self
        while let (field, value) = scan.next() {
            if field == number, case .bytes(let bytes) = value { return bytes }
        }
        return nil
    }

    func number(ofField number: UInt64) -> UInt64? {
        var scan = self
        while let (field, value) = scan.next() {
            if field == number, case .number(let number) = value { return number }
        }
        return nil
    }

    private enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed
    }

    /// The next field; nil at the end and at anything malformed.
    private mutating func next() -> (field: UInt64, value: Value)? {
        guard let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (tag >> 3, .number($0)) }
        case 1: return skip(8) ? (tag >> 3, .fixed) : nil
        case 5: return skip(4) ? (tag >> 3, .fixed) : nil
        case 2:
            guard let count = varint(), count <= UInt64(rest.count) else { return nil }
            let bytes = rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
            return (tag >> 3, .bytes(bytes))
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func skip(_ count: Int) -> Bool {
        guard rest.count >= count else { return false }
        rest = rest.dropFirst(count)
        return true
    }
}
