// Fields of raftpb.ConfChange: 1 id, 2 type, 3 node_id, 4 context.
extension ConfChange: WireCodable {
    package var encodedSize: Int {
        fieldSize(varint: id) + fieldSize(varint: kind.rawValue)
            + fieldSize(varint: node.rawValue)
            + (context.isEmpty ? 0 : fieldSize(length: context.count))
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: id)
        bytes.appendField(2, varint: kind.rawValue)
        bytes.appendField(3, varint: node.rawValue)
        if !context.isEmpty { bytes.appendField(4, bytes: context) }
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init(kind: .addNode, node: .none)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: id = try reader.number(field)
            case 2: kind = try reader.value(field, as: Kind.self)
            case 3: node = NodeID(rawValue: try reader.number(field))
            case 4: context = Array(try reader.slice(field))
            default: try reader.skip(field)
            }
        }
    }
}

// Fields of raftpb.ConfChangeV2: 1 transition, 2 changes, 3 context.
extension ConfChangeV2: WireCodable {
    package var encodedSize: Int {
        changes.reduce(fieldSize(varint: transition.rawValue)) {
            $0 + fieldSize(length: $1.encodedSize)
        } + (context.isEmpty ? 0 : fieldSize(length: context.count))
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: transition.rawValue)
        for change in changes { bytes.appendField(2, message: change) }
        if !context.isEmpty { bytes.appendField(3, bytes: context) }
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init()
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: transition = try reader.value(field, as: Transition.self)
            case 2: changes.append(try Single(decoding: try reader.slice(field)))
            case 3: context = Array(try reader.slice(field))
            default: try reader.skip(field)
            }
        }
    }
}

// Fields of raftpb.ConfChangeSingle: 1 type, 2 node_id.
extension ConfChangeV2.Single: WireCodable {
    package var encodedSize: Int {
        fieldSize(varint: kind.rawValue) + fieldSize(varint: node.rawValue)
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: kind.rawValue)
        bytes.appendField(2, varint: node.rawValue)
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init(kind: .addNode, node: .none)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.value(field, as: ConfChange.Kind.self)
            case 2: node = NodeID(rawValue: try reader.number(field))
            default: try reader.skip(field)
            }
        }
    }
}
