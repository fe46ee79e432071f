/// The encoding of `grpc-message`: UTF-8, with every octet outside printable ASCII, and the percent
/// sign, written as `%` and two hexadecimal digits.
package enum PercentEncoding {
    package static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count + 16)
        for octet in text.utf8 {
            if isPlain(octet) {
                encoded.append(octet)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded.append(digits[Int(octet >> 4)])
                encoded.append(digits[Int(octet & 15)])
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Decodes leniently: what is no valid escape stays as it is, as the gRPC specification asks.
    package static func decode(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let source = Array(text.utf8)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
                let high = value(source[index + 1]), let low = value(source[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(source[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func isPlain(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet <= 0x7e && octet != UInt8(ascii: "%")
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
