/// The rules of texts as an API server checks them. A test holds them to `accepts(_:)`.
extension TextRule {
    /// A regular expression that both Go and ECMA understand; nil when every text will do.
    package var pattern: String? {
        let label = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
        let name = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
        switch self {
        case .any: return nil
        case .label, .flagName: return "^\(label)$"
        case .qualifiedName:
            let short = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
            return "^(\(short)(\\.\(short))*/)?\(name)$"
        case .labelValue: return "^(\(name))?$"
        case .address:
            let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
            let first = "(22[0-3]|2[01][0-9]|1[0-9][0-9]|[1-9][0-9]?)"
            return "^\(first)(\\.\(byte)){3}$"
        case .path: return "^[^\\x00]+$"
        }
    }

    /// In characters. A text without a limit of its own gets one that no use of it reaches: what
    /// an API server reckons a rule to cost grows with it.
    package var maxLength: Int {
        switch self {
        case .any: 4096
        case .label(let maxLength): maxLength
        case .qualifiedName: 253 + 1 + 63
        case .labelValue, .flagName: 63
        case .address: 15
        case .path: 4095
        }
    }
}
