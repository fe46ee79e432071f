/// A YAML document, or a part of one, as it stands in the text.
///
/// `{a: [1, "1"]}` is a mapping whose one value is a sequence of two scalars; that the first is a
/// number and the second a text is what `resolved` tells.
package struct Node: Hashable, Sendable {
    package indirect enum Content: Hashable, Sendable {
        case scalar(Scalar)
        case sequence([Node])
        /// In the order of the text; keys are unique.
        case mapping([Pair])
    }

    package struct Scalar: Hashable, Sendable {
        package enum Style: Hashable, Sendable {
            case plain, singleQuoted, doubleQuoted, literal, folded
        }

        package let text: String
        package let style: Style

        package init(_ text: String, style: Style = .plain) {
            self.text = text
            self.style = style
        }
    }

    package struct Pair: Hashable, Sendable {
        package let key: String
        package let keyMark: Mark?
        package let value: Node

        package init(_ key: String, _ value: Node, keyMark: Mark? = nil) {
            self.key = key
            self.keyMark = keyMark
            self.value = value
        }
    }

    package let content: Content
    /// What the author said the value is (`!!str`), nil when it is left to its look.
    package let tag: Tag?
    /// Where the value begins; nil for a tree that was not read from a text.
    package let mark: Mark?

    package init(_ content: Content, tag: Tag? = nil, mark: Mark? = nil) {
        self.content = content
        self.tag = tag
        self.mark = mark
    }

    /// The value of a key of a mapping.
    package subscript(key: String) -> Node? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    /// True for a document without content: only comments, or nothing.
    package var isNull: Bool {
        if case .scalar(let scalar) = content {
            CoreSchema.resolve(scalar, tag: tag) == .null
        } else {
            false
        }
    }

    /// What a scalar means; nil for a sequence or mapping.
    package var resolved: ScalarValue? {
        if case .scalar(let scalar) = content { CoreSchema.resolve(scalar, tag: tag) } else { nil }
    }
}

/// The tags of YAML's core schema, the only ones that are accepted.
package enum Tag: String, CaseIterable, Hashable, Sendable {
    case string = "tag:yaml.org,2002:str"
    case integer = "tag:yaml.org,2002:int"
    case float = "tag:yaml.org,2002:float"
    case boolean = "tag:yaml.org,2002:bool"
    case null = "tag:yaml.org,2002:null"
    case sequence = "tag:yaml.org,2002:seq"
    case mapping = "tag:yaml.org,2002:map"
}
