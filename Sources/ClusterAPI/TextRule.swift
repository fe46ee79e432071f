/// What a text field may contain.
package enum TextRule: Hashable, Sendable {
    case any
    /// A DNS-1123 label of limited length: it becomes part of host names and file names.
    case label(maxLength: Int)
    /// The `name` or `prefix/name` of a Kubernetes label or annotation.
    case qualifiedName
    case labelValue
    /// The name of a command-line flag, without dashes in front.
    case flagName
    /// An IPv4 address that can be connected to.
    case address
    /// A file's path; relative ones are resolved against the folder of the spec's file.
    case path

    /// Ready to follow the word "expected".
    package var expectation: String {
        switch self {
        case .any: "a text"
        case .label(let maxLength):
            "at most \(maxLength) lower-case letters, digits and '-', with a letter or digit at "
                + "both ends"
        case .qualifiedName:
            "a name of at most 63 letters, digits, '-', '_' and '.', with a letter or digit at "
                + "both ends, optionally after a DNS name and '/'"
        case .labelValue:
            "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
        case .flagName: "a flag's name without dashes in front, such as max-txn-ops"
        case .address:
            "an IPv4 address of this machine such as 127.0.0.1 (not 0.0.0.0: members tell each "
                + "other this address)"
        case .path: "a file's path"
        }
    }

    package func accepts(_ text: String) -> Bool {
        switch self {
        case .any: true
        case .label(let maxLength): TextRule.isLabel(text, maxLength: maxLength)
        case .qualifiedName: TextRule.isQualifiedName(text)
        case .labelValue: text.isEmpty || TextRule.isName(text)
        case .flagName: TextRule.isLabel(text, maxLength: 63)
        case .address: TextRule.isAddress(text)
        case .path: !text.isEmpty && !text.utf8.contains(0) && text.utf8.count < 4096
        }
    }

    private static func isLabel(_ text: some StringProtocol, maxLength: Int) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count <= maxLength, let first = bytes.first, let last = bytes.last else {
            return false
        }
        return isLowerAlphanumeric(first) && isLowerAlphanumeric(last)
            && bytes.allSatisfy { isLowerAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isQualifiedName(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isName(parts[0])
        case 2:
            let labels = parts[0].split(separator: ".", omittingEmptySubsequences: false)
            return parts[0].utf8.count <= 253
                && labels.allSatisfy { isLabel($0, maxLength: 63) } && isName(parts[1])
        default: return false
        }
    }

    private static func isName(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count <= 63, let first = bytes.first, let last = bytes.last else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part -> UInt8? in
            guard part.utf8.allSatisfy(isDigit), part == "0" || !part.hasPrefix("0") else {
                return nil
            }
            return UInt8(part)
        }
        return parts.count == 4 && numbers.count == 4 && numbers[0] != 0 && numbers[0] < 224
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
