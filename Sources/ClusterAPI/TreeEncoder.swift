extension FieldTree {
    /// Any encodable value as a tree, its fields in the order in which the type declares them.
    ///
    /// It is for values of this package, whose encoding does not fail; one that does is a mistake
    /// in the program.
    package init(encoding value: some Encodable) {
        let box = TreeBox()
        do {
            try value.encode(to: TreeEncoder(box: box, codingPath: []))
        } catch {
            fatalError("\(type(of: value)) cannot be encoded: \(error)")
        }
        self = box.tree
    }
}

/// Where a value's encoding gathers; a class because containers outlive the calls that make them.
private final class TreeBox {
    private enum Content {
        case value(FieldTree.Value)
        case list([TreeBox])
        case map([(key: String, box: TreeBox)])
    }

    private var content = Content.map([])

    var tree: FieldTree {
        switch content {
        case .value(let value): FieldTree(value)
        case .list(let items): FieldTree(.list(items.map(\.tree)))
        case .map(let fields): FieldTree(.map(fields.map { FieldTree.Field($0.key, $0.box.tree) }))
        }
    }

    var count: Int { if case .list(let items) = content { items.count } else { 0 } }

    func set(_ value: FieldTree.Value) {
        content = .value(value)
    }

    func beginList() {
        if case .list = content { return }
        content = .list([])
    }

    func append() -> TreeBox {
        let item = TreeBox()
        if case .list(let items) = content { content = .list(items + [item]) }
        return item
    }

    func field(_ key: String) -> TreeBox {
        let box = TreeBox()
        if case .map(let fields) = content { content = .map(fields + [(key, box)]) }
        return box
    }

    func encode(_ value: some Encodable, at path: [any CodingKey]) throws {
        try value.encode(to: TreeEncoder(box: self, codingPath: path))
    }
}

private struct TreeEncoder: Encoder {
    let box: TreeBox
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedTreeContainer(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.beginList()
        return TreeListContainer(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleTreeContainer(box: box, codingPath: codingPath)
    }
}

private struct KeyedTreeContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: TreeBox
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) throws {
        box.field(key.stringValue).set(.null)
    }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        try box.field(key.stringValue).encode(value, at: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        superEncoder(forKey: key).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        superEncoder(forKey: key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        TreeEncoder(box: box.field("super"), codingPath: codingPath)
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        TreeEncoder(box: box.field(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct TreeListContainer: UnkeyedEncodingContainer {
    let box: TreeBox
    let codingPath: [any CodingKey]
    var count: Int { box.count }

    func encodeNil() throws {
        box.append().set(.null)
    }

    func encode(_ value: some Encodable) throws {
        try box.append().encode(value, at: codingPath)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        superEncoder().container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        superEncoder().unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        TreeEncoder(box: box.append(), codingPath: codingPath)
    }
}

private struct SingleTreeContainer: SingleValueEncodingContainer {
    let box: TreeBox
    let codingPath: [any CodingKey]

    func encodeNil() throws { box.set(.null) }
    func encode(_ value: Bool) throws { box.set(.bool(value)) }
    func encode(_ value: String) throws { box.set(.string(value)) }
    func encode(_ value: Double) throws { box.set(.number("\(value)")) }
    func encode(_ value: Float) throws { box.set(.number("\(value)")) }
    func encode(_ value: Int) throws { encodeInteger(value) }
    func encode(_ value: Int8) throws { encodeInteger(value) }
    func encode(_ value: Int16) throws { encodeInteger(value) }
    func encode(_ value: Int32) throws { encodeInteger(value) }
    func encode(_ value: Int64) throws { encodeInteger(value) }
    func encode(_ value: UInt) throws { encodeInteger(value) }
    func encode(_ value: UInt8) throws { encodeInteger(value) }
    func encode(_ value: UInt16) throws { encodeInteger(value) }
    func encode(_ value: UInt32) throws { encodeInteger(value) }
    func encode(_ value: UInt64) throws { encodeInteger(value) }

    func encode(_ value: some Encodable) throws {
        try box.encode(value, at: codingPath)
    }

    private func encodeInteger(_ value: some FixedWidthInteger) {
        box.set(Int64(exactly: value).map { .integer($0) } ?? .number("\(value)"))
    }
}
