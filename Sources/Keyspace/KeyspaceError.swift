/// Why a keyspace cannot be opened on a backend.
package enum KeyspaceError: Error, Hashable, Sendable, CustomStringConvertible {
    case backend(BackendError)
    /// A row is not what a keyspace writes.
    case corrupt(bucket: Bucket, key: [UInt8], reason: String)

    package var description: String {
        switch self {
        case .backend(let error): error.description
        case .corrupt(let bucket, let key, let reason):
            "keyspace: bucket \(bucket.rawValue), key \(hexadecimal(key)): \(reason)"
        }
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.prefix(64).map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }.joined()
}
