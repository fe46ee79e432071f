/// How much of a text is accepted.
package struct YAMLLimits: Hashable, Sendable {
    package var maxBytes = 1 << 20
    /// How many mappings and sequences may stand within each other.
    package var maxDepth = 64
    /// Scalars, mappings and sequences together, each use of an alias counted in full.
    package var maxNodes = 100_000
    /// libyaml compares each `%TAG` directive with all before it, and no tag of ours needs one.
    package var maxTagDirectives = 100

    package init() {}
}

extension Node {
    /// Reads all documents of a text, empty ones (`isNull`) included.
    ///
    /// Refused besides what is not YAML: keys that stand twice, keys that are not scalars, merge
    /// keys (`<<`), tags beyond the core schema, and whatever exceeds the limits.
    package static func parse(
        _ bytes: [UInt8],
        limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> [Node] {
        guard bytes.count <= limits.maxBytes else {
            let message = "the text has \(bytes.count) bytes; at most \(limits.maxBytes) are read"
            throw YAMLError(message, at: Mark(line: 1, column: 1))
        }
        try checkTagDirectives(bytes, limits.maxTagDirectives)
        var composer = Composer(events: EventReader(bytes), limits: limits)
        return try composer.documents()
    }

    package static func parse(
        _ text: String,
        limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLError) -> [Node] {
        try parse(Array(text.utf8), limits: limits)
    }

    /// Wherever the word stands: what a text may contain it in is not known before it is parsed.
    private static func checkTagDirectives(_ bytes: [UInt8], _ limit: Int) throws(YAMLError) {
        let word = Array("%TAG".utf8)
        var count = 0
        var line = 1
        var rest = bytes[...]
        while let at = rest.firstIndex(where: { $0 == word[0] || $0 == UInt8(ascii: "\n") }) {
            if bytes[at] == UInt8(ascii: "\n") {
                line += 1
            } else if bytes[at...].starts(with: word) {
                count += 1
            }
            if count > limit {
                throw YAMLError(
                    "more than \(limit) %TAG directives",
                    at: Mark(line: line, column: 1)
                )
            }
            rest = bytes[(at + 1)...]
        }
    }

    /// Block-style YAML of the documents, one after the other.
    package static func yaml(_ documents: [Node]) -> String {
        EventWriter.text(of: documents)
    }
}

/// Builds trees from the parser's events.
private struct Composer {
    /// A finished node that an alias may repeat, and what repeating it costs.
    private struct Anchor {
        let node: Node
        let count: Int
        let height: Int
    }

    private let events: EventReader
    private let limits: YAMLLimits
    private var anchors: [String: Anchor] = [:]
    /// Anchors of the collections that are still open; an alias to one would never end.
    private var open: Set<String> = []
    private var nodeCount = 0

    init(events: EventReader, limits: YAMLLimits) {
        self.events = events
        self.limits = limits
    }

    mutating func documents() throws(YAMLError) -> [Node] {
        var documents: [Node] = []
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd: return documents
            case .documentStart:
                anchors = [:]
                documents.append(try node(events.next(), depth: 0))
            default: fatalError("libyaml made \(event.kind) outside a document")
            }
        }
    }

    private mutating func node(_ event: ParseEvent, depth: Int) throws(YAMLError) -> Node {
        switch event.kind {
        case .alias(let name): return try repeated(name, at: event.mark, depth: depth)
        case .scalar(let scalar, let tagText, let anchor):
            try count(1, at: event.mark)
            let tag = try self.tag(tagText, at: event.mark)
            if let tag, !CoreSchema.agrees(scalar, with: tag) {
                let message = "\"\(scalar.text.prefix(60))\" is not what its tag \(tag.short) says"
                throw YAMLError(message, at: event.mark)
            }
            let node = Node(.scalar(scalar), tag: tag, mark: event.mark)
            if let anchor { anchors[anchor] = Anchor(node: node, count: 1, height: 0) }
            return node
        case .sequenceStart(let tagText, let anchor):
            return try collection(event, tagText, .sequence, anchor, depth) {
                composer throws(YAMLError) in
                .sequence(try composer.items(depth: depth + 1))
            }
        case .mappingStart(let tagText, let anchor, _):
            return try collection(event, tagText, .mapping, anchor, depth) {
                composer throws(YAMLError) in
                .mapping(try composer.pairs(depth: depth + 1))
            }
        default: fatalError("libyaml made \(event.kind) where a value belongs")
        }
    }

    private mutating func collection(
        _ start: ParseEvent,
        _ tagText: String?,
        _ ownTag: Tag,
        _ anchor: String?,
        _ depth: Int,
        content: (inout Composer) throws(YAMLError) -> Node.Content
    ) throws(YAMLError) -> Node {
        try check(depth: depth + 1, at: start.mark)
        try count(1, at: start.mark)
        let tag = try self.tag(tagText, at: start.mark)
        guard tag == nil || tag == ownTag else {
            throw YAMLError(
                "the value is not what its tag \(tag?.short ?? "") says",
                at: start.mark
            )
        }
        let countBefore = nodeCount - 1
        let wasOpen = anchor.map { !open.insert($0).inserted } ?? false
        let node = Node(try content(&self), tag: tag, mark: start.mark)
        if let anchor {
            if !wasOpen { open.remove(anchor) }
            let count = nodeCount - countBefore
            anchors[anchor] = Anchor(node: node, count: count, height: node.height)
        }
        return node
    }

    private mutating func items(depth: Int) throws(YAMLError) -> [Node] {
        var items: [Node] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth))
        }
    }

    private mutating func pairs(depth: Int) throws(YAMLError) -> [Node.Pair] {
        var pairs: [Node.Pair] = []
        var seen: [String: Mark] = [:]
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return pairs }
            let keyNode = try node(event, depth: depth)
            guard case .scalar(let scalar) = keyNode.content else {
                throw YAMLError("expected a text as the key, found a map or list", at: event.mark)
            }
            guard scalar.text != "<<" || scalar.style != .plain else {
                let message = "merge keys (<<) are not supported; write the fields out"
                throw YAMLError(message, at: event.mark)
            }
            if let first = seen.updateValue(event.mark, forKey: scalar.text) {
                let message =
                    "the key \"\(scalar.text.prefix(60))\" stands here twice, first at "
                    + "\(first)"
                throw YAMLError(message, at: event.mark)
            }
            let value = try node(events.next(), depth: depth)
            pairs.append(Node.Pair(scalar.text, value, keyMark: event.mark))
        }
    }

    private mutating func repeated(
        _ name: String,
        at mark: Mark,
        depth: Int
    ) throws(YAMLError) -> Node {
        guard !open.contains(name) else {
            throw YAMLError("the alias *\(name) stands within what it repeats", at: mark)
        }
        guard let anchor = anchors[name] else {
            throw YAMLError("there is no &\(name) before the alias *\(name)", at: mark)
        }
        try check(depth: depth + anchor.height, at: mark)
        try count(anchor.count, at: mark)
        return anchor.node
    }

    private func check(depth: Int, at mark: Mark) throws(YAMLError) {
        guard depth <= limits.maxDepth else {
            let message = "more than \(limits.maxDepth) maps and lists within each other"
            throw YAMLError(message, at: mark)
        }
    }

    private mutating func count(_ nodes: Int, at mark: Mark) throws(YAMLError) {
        nodeCount += nodes
        guard nodeCount <= limits.maxNodes else {
            let message = "more than \(limits.maxNodes) values, those repeated by aliases included"
            throw YAMLError(message, at: mark)
        }
    }

    private func tag(_ text: String?, at mark: Mark) throws(YAMLError) -> Tag? {
        guard let text else { return nil }
        // "!" alone means "a text, whatever it looks like".
        if text == "!" { return .string }
        guard let tag = Tag(rawValue: text) else {
            throw YAMLError("the tag \(text.prefix(60)) is not supported", at: mark)
        }
        return tag
    }
}

extension Tag {
    /// `!!str`, as it is written.
    var short: String { "!!" + (rawValue.split(separator: ":").last.map(String.init) ?? "") }
}

extension Node {
    /// How many mappings and sequences stand within each other here, itself included.
    fileprivate var height: Int {
        switch content {
        case .scalar: 0
        case .sequence(let items): 1 + (items.map(\.height).max() ?? 0)
        case .mapping(let pairs): 1 + (pairs.map(\.value.height).max() ?? 0)
        }
    }
}
