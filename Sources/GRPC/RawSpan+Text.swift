private import CNGHTTP2

/// Header fields are compared and copied where they lie, before any String is made.
extension RawSpan {
    /// True if these are the octets of an ASCII text.
    func equals(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard byteCount == count else { return false }
        return unsafe withUnsafeBytes { mine in
            guard let start = mine.baseAddress else { return true }
            return unsafe memcmp(start, text.utf8Start, count) == 0
        }
    }

    /// True if these are exactly the octets of an array.
    func equals(_ other: [UInt8]) -> Bool {
        guard byteCount == other.count else { return false }
        return unsafe withUnsafeBytes { mine in
            guard let start = mine.baseAddress else { return true }
            return unsafe memcmp(start, other, mine.count) == 0
        }
    }

    /// True if these octets begin with an ASCII text.
    func begins(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return byteCount >= count && extracting(first: count).equals(text)
    }

    /// The octet at an offset that lies within.
    func octet(_ offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The octets as text; what is not UTF-8 becomes replacement characters.
    var text: String {
        unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The octets in an array of their own.
    var array: [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0) }
    }
}

extension [UInt8] {
    /// Appends the octets of a span.
    mutating func append(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { octets in
            unsafe octets.withMemoryRebound(to: UInt8.self) { unsafe append(contentsOf: $0) }
        }
    }
}
