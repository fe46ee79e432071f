/// A block of HTTP/2 header fields about to be sent: all names and values in one array.
///
/// ```
/// bytes  ":status200content-typeapplication/grpc"
/// ends   [7, 10, 22, 38]        name, value, name, value
/// ```
struct HeaderList: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []

    init() {}

    /// The number of fields.
    var count: Int { ends.count / 2 }

    /// Adds a field. The name must be in lower case.
    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        ends.append(bytes.count)
        bytes.append(contentsOf: value.utf8)
        ends.append(bytes.count)
    }

    /// Adds all fields of another block.
    mutating func add(_ other: HeaderList) {
        let offset = bytes.count
        bytes.append(contentsOf: other.bytes)
        ends.append(contentsOf: other.ends.lazy.map { $0 + offset })
    }

    /// Adds all entries of some metadata, as they stand on the wire.
    mutating func add(_ metadata: Metadata) {
        for (name, value) in metadata { add(name, value) }
    }
}

extension HeaderList: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
