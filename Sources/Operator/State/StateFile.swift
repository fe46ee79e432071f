import FoundationEssentials
package import Storage

/// The envelope of every state file: still one JSON object, with a format number and a checksum.
///
///     {"format":3,"crc32c":"0a1b2c3d","body":{ ... }}
///
/// The prefix has fixed places, so the checksum is over exact bytes and needs no canonical JSON.
/// Another format is refused, never guessed at (safety rule 35).
package enum StateFile {
    package static let format = 3
    private static let maxSize = 4 << 20

    /// Why a file that exists cannot be used.
    package struct Unusable: Error, Hashable {
        package let reason: String
    }

    package static func encode(_ value: some Encodable) -> [UInt8] {
        let body = JSON.encode(value, pretty: true)
        return Array("{\"format\":\(format),\"crc32c\":\"\(checksum(body[...]))\",\"body\":".utf8)
            + body + Array("}\n".utf8)
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from bytes: [UInt8]
    ) throws(Unusable) -> Value {
        var rest = bytes[...]
        guard take("{\"format\":", from: &rest) else {
            throw Unusable(reason: "it is no state file")
        }
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        guard let found = Int(String(decoding: digits, as: UTF8.self)) else {
            throw Unusable(reason: "it is no state file")
        }
        guard found == format else {
            let age = found > format ? "newer" : "older"
            let reason = "its format \(found) is \(age) than this program understands (\(format))"
            throw Unusable(reason: reason)
        }
        guard take(",\"crc32c\":\"", from: &rest) else {
            throw Unusable(reason: "it is damaged")
        }
        let sum = String(decoding: rest.prefix(8), as: UTF8.self)
        rest = rest.dropFirst(8)
        guard take("\",\"body\":", from: &rest), rest.suffix(2).elementsEqual("}\n".utf8) else {
            throw Unusable(reason: "it is damaged")
        }
        let body = rest.dropLast(2)
        guard checksum(body) == sum else {
            throw Unusable(reason: "its checksum does not fit its content")
        }
        do {
            return try JSON.decode(type, from: body)
        } catch {
            throw Unusable(reason: "its content makes no sense: \(error)")
        }
    }

    /// Nil when there is no such file.
    package static func load<Value: Decodable>(
        _ type: Value.Type,
        at path: String,
        on disk: any Disk
    ) throws(OperatorError) -> Value? {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try disk.read(path, maxSize: maxSize)
        } catch {
            if error.kind == .notFound { return nil }
            throw OperatorError(state: error)
        }
        do throws(Unusable) {
            return try decode(type, from: bytes)
        } catch {
            throw OperatorError(
                .state,
                "it cannot be used: \(error.reason)",
                at: path,
                remedy: "put back a copy, if there is one (\(path).previous is the version before)"
            )
        }
    }

    /// Replaces the file in one step, durably; the content before stays as `<path>.previous`,
    /// unless it cannot be read.
    package static func save(
        _ value: some Encodable,
        at path: String,
        on disk: any Disk
    ) throws(OperatorError) {
        try save(bytes: encode(value), at: path, on: disk)
    }

    /// The same of a value that is encoded already.
    static func save(
        bytes: [UInt8],
        at path: String,
        on disk: any Disk
    ) throws(OperatorError) {
        do throws(DiskError) {
            if let before = try? disk.read(path, maxSize: maxSize) {
                try disk.replace(path + ".previous", with: before)
            }
            try disk.replace(path, with: bytes)
        } catch {
            throw OperatorError(state: error)
        }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> String {
        var sum = CRC32C()
        sum.update(Array(bytes))
        let digits = String(sum.value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func take(_ text: String, from rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }
}

/// JSON to and from values of this package.
enum JSON {
    /// Encoding our own values cannot fail; if it does the program is wrong.
    static func encode(_ value: some Encodable, pretty: Bool) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty
            ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
            : [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            fatalError("\(type(of: value)) cannot be encoded: \(error)")
        }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type,
        from bytes: some Collection<UInt8>
    ) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}

extension OperatorError {
    /// A state file or directory that the disk refused.
    init(state error: DiskError) {
        let remedy =
            switch error.kind {
            case .permissionDenied:
                "make it readable and writable for this user, or choose another --state-dir"
            case .noSpace: "free some space on its file system"
            case .ioFailure: "check the disk"
            default: ""
            }
        self.init(
            .state,
            "cannot \(error.operation): \(error.reason)",
            at: error.path,
            remedy: remedy
        )
    }
}
