/// A node by where it stands in its text, with aliases as they are written: what an edit needs and
/// a `Node` no longer knows. Offsets count Unicode scalars.
struct PlacedNode {
    indirect enum Content {
        case scalar(Node.Scalar)
        case alias(String)
        case sequence
        case mapping([Pair], isFlow: Bool)
    }

    struct Pair {
        let key: PlacedNode
        let value: PlacedNode
    }

    let content: Content
    /// `&anchor` or a tag before the value; nil when there is neither.
    let property: String?
    let mark: Mark
    /// Its first character, that of the property if there is one.
    let start: Int
    /// After its last character; comments and blank lines below it do not count.
    let end: Int

    /// The documents of a text that `Node.parse` accepts.
    static func documents(of bytes: [UInt8]) throws(YAMLError) -> [PlacedNode] {
        let events = EventReader(bytes)
        var documents: [PlacedNode] = []
        while true {
            switch try events.next().kind {
            case .streamEnd: return documents
            case .documentStart: documents.append(try PlacedNode(events.next(), events))
            default: continue
            }
        }
    }

    private init(_ event: ParseEvent, _ events: EventReader) throws(YAMLError) {
        mark = event.mark
        start = event.range.lowerBound
        var end = event.range.upperBound
        switch event.kind {
        case .alias(let name):
            content = .alias(name)
            property = nil
        case .scalar(let scalar, let tag, let anchor):
            content = .scalar(scalar)
            property = PlacedNode.property(tag, anchor)
        case .sequenceStart(let tag, let anchor):
            content = .sequence
            property = PlacedNode.property(tag, anchor)
            end = try PlacedNode.endOfItems(events, from: end)
        case .mappingStart(let tag, let anchor, let isFlow):
            let (pairs, close) = try PlacedNode.pairs(events)
            content = .mapping(pairs, isFlow: isFlow)
            property = PlacedNode.property(tag, anchor)
            end = isFlow ? close : pairs.last?.value.end ?? end
        default: fatalError("libyaml made \(event.kind) where a value belongs")
        }
        self.end = end
    }

    private static func endOfItems(
        _ events: EventReader,
        from start: Int
    ) throws(YAMLError) -> Int {
        var end = start
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind {
                // The bracket of a list in flow style; for a block, where the next token begins.
                let isFlow = !event.range.isEmpty
                return isFlow ? event.range.upperBound : end
            }
            end = try PlacedNode(event, events).end
        }
    }

    /// The pairs, and where the brace after them ends.
    private static func pairs(_ events: EventReader) throws(YAMLError) -> ([Pair], Int) {
        var pairs: [Pair] = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return (pairs, event.range.upperBound) }
            let key = try PlacedNode(event, events)
            pairs.append(Pair(key: key, value: try PlacedNode(events.next(), events)))
        }
    }

    private static func property(_ tag: String?, _ anchor: String?) -> String? {
        if let anchor { return "the anchor &\(anchor)" }
        return tag.map { "the tag \($0.prefix(60))" }
    }
}
