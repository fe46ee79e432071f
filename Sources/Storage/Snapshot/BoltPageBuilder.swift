/// A leaf, branch or freelist page as it fills.
struct BoltPageBuilder {
    /// What the table at the page's start says of an element.
    private struct Element {
        /// A leaf element's flags, a branch element's child.
        let tag: UInt64
        let keyBytes: UInt32
        let valueBytes: UInt32
    }

    let kind: BoltFormat.PageKind
    private var elements: [Element] = []
    /// Keys and values in the order of the elements.
    private var data: [UInt8] = []

    init(_ kind: BoltFormat.PageKind) {
        self.kind = kind
    }

    var count: Int { elements.count }

    /// The bytes of the page as it is.
    var byteCount: Int {
        BoltFormat.headBytes + elements.count * BoltFormat.elementBytes + data.count
    }

    var firstKey: ArraySlice<UInt8> {
        data.prefix(Int(elements.first?.keyBytes ?? 0))
    }

    /// Whether an element with so many bytes of key and value would leave it on one page.
    func hasRoom(for bytes: Int, pageSize: Int) -> Bool {
        byteCount + BoltFormat.elementBytes + bytes <= pageSize
    }

    mutating func add(_ key: Span<UInt8>, _ value: Span<UInt8>, flags: UInt32) {
        elements.append(
            Element(
                tag: UInt64(flags),
                keyBytes: UInt32(key.count),
                valueBytes: UInt32(value.count)
            )
        )
        data.append(copying: key)
        data.append(copying: value)
    }

    mutating func add(_ key: ArraySlice<UInt8>, child: UInt64) {
        elements.append(Element(tag: child, keyBytes: UInt32(key.count), valueBytes: 0))
        data.append(contentsOf: key)
    }

    mutating func removeAll() {
        elements.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: data.count <= 1 << 16)
    }

    /// Takes the first `number` elements of a branch out, as a page of their own.
    mutating func splitOff(_ number: Int) -> BoltPageBuilder {
        var front = BoltPageBuilder(kind)
        front.elements = Array(elements.prefix(number))
        let bytes = front.elements.reduce(0) { $0 + Int($1.keyBytes) + Int($1.valueBytes) }
        front.data = Array(data.prefix(bytes))
        elements.removeFirst(number)
        data.removeFirst(bytes)
        return front
    }

    /// Appends the page's bytes, without what fills it up.
    func write(id: UInt64, overflow: UInt32, to bytes: inout [UInt8]) {
        invariant(elements.count < 0xFFFF, "a page with \(elements.count) elements")
        bytes.reserveCapacity(bytes.count + byteCount)
        bytes.append(littleEndian: id)
        bytes.append(littleEndian: kind.rawValue)
        bytes.append(littleEndian: UInt16(elements.count))
        bytes.append(littleEndian: overflow)
        var distance = elements.count * BoltFormat.elementBytes
        for element in elements {
            if kind == .leaf {
                bytes.append(littleEndian: UInt32(truncatingIfNeeded: element.tag))
                bytes.append(littleEndian: UInt32(distance))
                bytes.append(littleEndian: element.keyBytes)
                bytes.append(littleEndian: element.valueBytes)
            } else {
                bytes.append(littleEndian: UInt32(distance))
                bytes.append(littleEndian: element.keyBytes)
                bytes.append(littleEndian: element.tag)
            }
            distance += Int(element.keyBytes) + Int(element.valueBytes) - BoltFormat.elementBytes
        }
        bytes.append(contentsOf: data)
    }
}
