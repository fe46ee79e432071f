// Fields of raftpb.Message: 1 type, 2 to, 3 from, 4 term, 5 logTerm, 6 index, 7 entries, 8 commit,
// 9 snapshot, 10 reject, 11 rejectHint, 12 context, 13 vote, 14 responses.
extension Message: WireCodable {
    package var encodedSize: Int {
        var size = fieldSize(varint: kind.rawValue)
        size += fieldSize(varint: to.rawValue)
        size += fieldSize(varint: from.rawValue)
        size += fieldSize(varint: term.rawValue)
        size += fieldSize(varint: logTerm.rawValue)
        size += fieldSize(varint: index.rawValue)
        for entry in entries { size += fieldSize(length: entry.encodedSize) }
        size += fieldSize(varint: commit.rawValue)
        if let snapshot { size += fieldSize(length: snapshot.encodedSize) }
        size += 2
        size += fieldSize(varint: rejectHint.rawValue)
        if !context.isEmpty { size += fieldSize(length: context.count) }
        size += fieldSize(varint: vote.rawValue)
        for response in responses { size += fieldSize(length: response.encodedSize) }
        return size
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: kind.rawValue)
        bytes.appendField(2, varint: to.rawValue)
        bytes.appendField(3, varint: from.rawValue)
        bytes.appendField(4, varint: term.rawValue)
        bytes.appendField(5, varint: logTerm.rawValue)
        bytes.appendField(6, varint: index.rawValue)
        for entry in entries { bytes.appendField(7, message: entry) }
        bytes.appendField(8, varint: commit.rawValue)
        if let snapshot { bytes.appendField(9, message: snapshot) }
        bytes.appendField(10, flag: reject)
        bytes.appendField(11, varint: rejectHint.rawValue)
        if !context.isEmpty { bytes.appendField(12, bytes: context) }
        bytes.appendField(13, varint: vote.rawValue)
        for response in responses { bytes.appendField(14, message: response) }
    }

    /// A storage message carries its answers, and those carry none; the bound keeps hostile bytes
    /// from making many large values out of few bytes.
    private static let maxResponses = 1_024
    /// Far more than fit into a message of any member: an entry takes six bytes at least.
    private static let maxEntries = 1 << 18

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        try self.init(decoding: bytes, mayHaveResponses: true)
    }

    private init(
        decoding bytes: ArraySlice<UInt8>,
        mayHaveResponses: Bool
    ) throws(WireError) {
        self.init(kind: .hup)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.value(field, as: Kind.self)
            case 2: to = NodeID(rawValue: try reader.number(field))
            case 3: from = NodeID(rawValue: try reader.number(field))
            case 4: term = Term(rawValue: try reader.number(field))
            case 5: logTerm = Term(rawValue: try reader.number(field))
            case 6: index = LogIndex(rawValue: try reader.number(field))
            case 7:
                guard entries.count < Self.maxEntries else { throw .tooManyEntries }
                entries.append(try Entry(decoding: try reader.slice(field)))
            case 8: commit = LogIndex(rawValue: try reader.number(field))
            case 9: snapshot = try Snapshot(decoding: try reader.slice(field))
            case 10: reject = try reader.flag(field)
            case 11: rejectHint = LogIndex(rawValue: try reader.number(field))
            case 12: context = Array(try reader.slice(field))
            case 13: vote = NodeID(rawValue: try reader.number(field))
            case 14:
                guard mayHaveResponses, responses.count < Self.maxResponses else {
                    throw .tooManyResponses
                }
                let inner = try reader.slice(field)
                responses.append(try Message(decoding: inner, mayHaveResponses: false))
            default: try reader.skip(field)
            }
        }
    }
}
