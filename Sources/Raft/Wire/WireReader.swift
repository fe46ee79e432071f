/// Walks the fields of one message. Every read is checked against the end of the bytes.
struct WireReader {
    struct Field {
        let number: Int
        let type: UInt8
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// The next field's tag, or nil at the end.
    mutating func next() throws(WireError) -> Field? {
        if position == bytes.endIndex { return nil }
        let start = offset
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw .badTag(offset: start) }
        return Field(number: Int(tag >> 3), type: UInt8(tag & 7))
    }

    mutating func number(_ field: Field) throws(WireError) -> UInt64 {
        guard field.type == 0 else { throw .wrongWireType(field: field.number) }
        return try varint()
    }

    mutating func flag(_ field: Field) throws(WireError) -> Bool {
        try number(field) != 0
    }

    mutating func value<Value: RawRepresentable<UInt64>>(
        _ field: Field,
        as type: Value.Type
    ) throws(WireError) -> Value {
        let raw = try number(field)
        guard let value = Value(rawValue: raw) else {
            throw .unknownValue(field: field.number, value: raw)
        }
        return value
    }

    /// The content of a length-delimited field, not copied.
    mutating func slice(_ field: Field) throws(WireError) -> ArraySlice<UInt8> {
        guard field.type == 2 else { throw .wrongWireType(field: field.number) }
        let length = try varint()
        guard length <= UInt64(bytes.endIndex - position) else { throw .truncated(offset: offset) }
        let start = position
        position += Int(length)
        return bytes[start..<position]
    }

    /// Appends a repeated number, which may be written one by one or packed.
    mutating func append(_ field: Field, to ids: inout [NodeID]) throws(WireError) {
        guard field.type == 2 else {
            ids.append(NodeID(rawValue: try number(field)))
            return
        }
        var packed = WireReader(try slice(field))
        while packed.position < packed.bytes.endIndex {
            ids.append(NodeID(rawValue: try packed.varint()))
        }
    }

    /// Passes over a field that nobody here knows, a group with all that is in it.
    mutating func skip(_ field: Field) throws(WireError) {
        var openGroups = 0
        var field = field
        while true {
            switch field.type {
            case 0: _ = try varint()
            case 1: try skip(bytes: 8)
            case 2: _ = try slice(field)
            case 3: openGroups += 1
            case 4 where openGroups > 0: openGroups -= 1
            case 5: try skip(bytes: 4)
            default: throw .badTag(offset: offset)
            }
            if openGroups == 0 { return }
            guard let inner = try next() else { throw .truncated(offset: offset) }
            field = inner
        }
    }

    private var offset: Int { position - bytes.startIndex }

    private mutating func skip(bytes count: Int) throws(WireError) {
        guard count <= bytes.endIndex - position else { throw .truncated(offset: offset) }
        position += count
    }

    private mutating func varint() throws(WireError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.endIndex else { throw .truncated(offset: start) }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .varintTooLong(offset: start)
    }
}
