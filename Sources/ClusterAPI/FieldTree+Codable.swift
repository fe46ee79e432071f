/// As plain data of whatever format the encoder writes: a map as an object, a list as an array.
extension FieldTree: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) {
            nil
        }
    }

    package init(from decoder: any Decoder) throws {
        if let map = try? decoder.container(keyedBy: Key.self) {
            // The order of keys is the decoder's; sorted, equal texts give equal trees.
            let keys = map.allKeys.sorted { $0.stringValue < $1.stringValue }
            let fields = try keys.map {
                Field($0.stringValue, try map.decode(FieldTree.self, forKey: $0))
            }
            self.init(.map(fields))
        } else if var list = try? decoder.unkeyedContainer() {
            var items: [FieldTree] = []
            while !list.isAtEnd { items.append(try list.decode(FieldTree.self)) }
            self.init(.list(items))
        } else {
            self.init(try FieldTree.scalar(decoder.singleValueContainer()))
        }
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> Value {
        if container.decodeNil() { return .null }
        if let flag = try? container.decode(Bool.self) { return .bool(flag) }
        if let number = try? container.decode(Int64.self) { return .integer(number) }
        if let number = try? container.decode(Double.self) { return .number("\(number)") }
        return .string(try container.decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        switch value {
        case .map(let fields):
            var container = encoder.container(keyedBy: Key.self)
            for field in fields {
                try container.encode(field.value, forKey: Key(stringValue: field.key))
            }
        case .list(let items):
            var container = encoder.unkeyedContainer()
            for item in items { try container.encode(item) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let flag):
            var container = encoder.singleValueContainer()
            try container.encode(flag)
        case .integer(let number):
            var container = encoder.singleValueContainer()
            try container.encode(number)
        case .number(let text):
            var container = encoder.singleValueContainer()
            if let number = Double(text) {
                try container.encode(number)
            } else {
                try container.encode(text)
            }
        case .string(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }
}
