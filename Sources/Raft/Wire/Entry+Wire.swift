// Fields of raftpb.Entry: 1 type, 2 term, 3 index, 4 data.
extension Entry: WireCodable {
    package var encodedSize: Int {
        2 + fieldSize(varint: term.rawValue) + fieldSize(varint: index.rawValue)
            + (data.isEmpty ? 0 : fieldSize(length: data.count))
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: kind.rawValue)
        bytes.appendField(2, varint: term.rawValue)
        bytes.appendField(3, varint: index.rawValue)
        if !data.isEmpty { bytes.appendField(4, bytes: data) }
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init(term: .zero, index: .zero)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.value(field, as: Kind.self)
            case 2: term = Term(rawValue: try reader.number(field))
            case 3: index = LogIndex(rawValue: try reader.number(field))
            case 4: data = Array(try reader.slice(field))
            default: try reader.skip(field)
            }
        }
    }
}
