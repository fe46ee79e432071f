import CNGHTTP2

/// Reads the header blocks of one connection, in their order.
@safe final class HeaderDecoder {
    private let inflater: OpaquePointer?

    init() {
        var made: OpaquePointer?
        _ = unsafe nghttp2_hd_inflate_new(&made)
        unsafe inflater = made
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    /// The fields of each block.
    func decode(_ frames: [Frames.Frame]) -> [[String: String]] {
        frames.map { decode($0.payload) }
    }

    private func decode(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = block[...]
        while true {
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let used = unsafe rest.withUnsafeBufferPointer { octets in
                unsafe nghttp2_hd_inflate_hd2(
                    inflater,
                    &field,
                    &flags,
                    octets.baseAddress,
                    octets.count,
                    1
                )
            }
            guard used >= 0 else { return fields }
            rest = rest.dropFirst(used)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = unsafe UnsafeBufferPointer(start: field.name, count: field.namelen)
                let value = unsafe UnsafeBufferPointer(start: field.value, count: field.valuelen)
                let key = unsafe String(decoding: name, as: UTF8.self)
                fields[key] = unsafe String(decoding: value, as: UTF8.self)
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
        }
        _ = unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }
}
