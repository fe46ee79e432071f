/// Names and values that travel with a call: HTTP/2 header fields that are not gRPC's own.
///
/// A name may occur more than once and is compared without regard to case. Values of names that end
/// in `-bin` are octets and travel as Base64. Kept as one array, so that the many calls of a client
/// that sends the same metadata each time can share it:
///
/// ```
/// bytes  "hasleadertrue"
/// ends   [9, 13]
/// ```
package struct Metadata: Sendable, Hashable {
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int32] = []

    package init() {}

    package var isEmpty: Bool { ends.isEmpty }

    /// The number of entries.
    package var count: Int { ends.count / 2 }

    /// The first value of a name, as text; for a `-bin` name, its Base64.
    package subscript(name: String) -> String? {
        let name = name.lowercased()
        for index in 0..<count where matches(index, name) { return value(at: index) }
        return nil
    }

    /// All values of a name, in the order in which they were added.
    package func values(_ name: String) -> [String] {
        let name = name.lowercased()
        return (0..<count).filter { matches($0, name) }.map(value(at:))
    }

    /// The first value of a `-bin` name, decoded; nil if there is none or it is not Base64.
    package func binary(_ name: String) -> [UInt8]? {
        self[name].flatMap(Base64.decode)
    }

    /// Adds an entry; other entries of the name stay.
    package mutating func add(_ name: String, _ value: String) {
        append(name.lowercased().utf8, value.utf8)
    }

    /// Adds octets under a name, which must end in `-bin`.
    package mutating func add(_ name: String, binary value: [UInt8]) {
        append(name.lowercased().utf8, Base64.encode(value).utf8)
    }

    private mutating func append(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        bytes.append(contentsOf: name)
        ends.append(Int32(clamping: bytes.count))
        bytes.append(contentsOf: value)
        ends.append(Int32(clamping: bytes.count))
    }

    private func matches(_ index: Int, _ name: String) -> Bool {
        nameRange(index).count == name.utf8.count
            && bytes[nameRange(index)].elementsEqual(name.utf8)
    }

    private func value(at index: Int) -> String {
        String(decoding: bytes[valueRange(index)], as: UTF8.self)
    }

    private func nameRange(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(ends[2 * index - 1]))..<Int(ends[2 * index])
    }

    private func valueRange(_ index: Int) -> Range<Int> {
        Int(ends[2 * index])..<Int(ends[2 * index + 1])
    }
}

extension Metadata {
    /// Adds a field as it came from the wire.
    mutating func add(name: RawSpan, value: RawSpan) {
        bytes.append(name)
        ends.append(Int32(clamping: bytes.count))
        bytes.append(value)
        ends.append(Int32(clamping: bytes.count))
    }

    /// Forgets all entries but keeps the memory.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }
}

extension Metadata: Sequence {
    /// All entries in order, names in lower case.
    package func makeIterator() -> AnyIterator<(name: String, value: String)> {
        var index = 0
        return AnyIterator {
            guard index < count else { return nil }
            defer { index += 1 }
            let name = String(decoding: bytes[nameRange(index)], as: UTF8.self)
            return (name, value(at: index))
        }
    }
}

extension Metadata: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
