/// Changes a protobuf message field by field, so that what comes out is still one, mostly.
package struct ProtobufMutation: Sendable {
    /// How deeply it looks for messages inside messages.
    private static let maxDepth = 8

    package init() {}

    /// One to three changes of fields, at any depth; now and then of bytes instead.
    package func apply(
        to message: [UInt8],
        mixing other: [UInt8] = [],
        _ generator: inout Generator
    ) -> [UInt8] {
        if generator.chance(0.1) {
            return Mutation().apply(to: message, mixing: other, &generator)
        }
        var message = message
        for _ in 0...generator.below(3) {
            message = changed(message, other, 0, &generator)
        }
        return message
    }

    private struct Field {
        var number: UInt64
        var type: UInt64
        var value: UInt64 = 0
        var content: [UInt8] = []
    }

    private func changed(
        _ message: [UInt8],
        _ other: [UInt8],
        _ depth: Int,
        _ generator: inout Generator
    ) -> [UInt8] {
        guard var fields = parse(message), !fields.isEmpty else {
            return Mutation(maxCount: 1 << 12).apply(to: message, mixing: other, &generator)
        }
        let at = generator.below(fields.count)
        switch generator.below(12) {
        case 0: fields.remove(at: at)
        case 1: fields.insert(fields[at], at: generator.below(fields.count + 1))
        case 2: fields.swapAt(at, generator.below(fields.count))
        case 3: fields[at].number = UInt64(1 + generator.below(20))
        case 4: fields[at].type = UInt64(generator.pick([0, 1, 2, 3, 4, 5, 6]))
        case 5: fields[at].value = generator.edgeNumber()
        case 6:
            // The message inside itself, a few or very many times.
            let times = generator.chance(0.1) ? 1 + generator.below(2000) : 1 + generator.below(4)
            for _ in 0..<times where fields[at].content.count < 1 << 16 {
                fields[at].type = 2
                fields[at].content = encode([fields[at]])
            }
        case 7:
            if let theirs = parse(other), !theirs.isEmpty {
                fields.insert(generator.pick(theirs), at: at)
            }
        case 8:
            let copies = 1 + generator.below(generator.chance(0.05) ? 500 : 5)
            fields.insert(contentsOf: repeatElement(fields[at], count: copies), at: at)
        default:
            if fields[at].type == 2, depth < Self.maxDepth {
                fields[at].content = changed(fields[at].content, other, depth + 1, &generator)
            } else {
                fields[at].value = generator.edgeNumber()
            }
        }
        return encode(fields)
    }

    /// Nil when the bytes are no message.
    private func parse(_ bytes: [UInt8]) -> [Field]? {
        var rest = bytes[...]
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 > 0 else { return nil }
            var field = Field(number: tag >> 3, type: tag & 7)
            switch field.type {
            case 0:
                guard let value = varint(&rest) else { return nil }
                field.value = value
            case 1, 5:
                let count = field.type == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                field.content = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
            case 2:
                guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
                field.content = Array(rest.prefix(Int(count)))
                rest = rest.dropFirst(Int(count))
            default: return nil
            }
            fields.append(field)
        }
        return fields
    }

    private func encode(_ fields: [Field]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            append(field.number << 3 | field.type, to: &bytes)
            switch field.type {
            case 0: append(field.value, to: &bytes)
            case 2:
                append(UInt64(field.content.count), to: &bytes)
                bytes += field.content
            default: bytes += field.content
            }
        }
        return bytes
    }

    private func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
