/// A text of YAML in which one number is set and every other byte stays: comments, order, quotes
/// and line ends.
///
///     spec: # of the shop              spec: # of the shop
///       replicas: 3 # one may fail  ->   replicas: 5 # one may fail
///
/// What is missing on the way to the number is inserted in the style that is found there. What
/// cannot be changed without a doubt is refused with its place: values with anchors, tags, aliases.
/// Nor is the look of the text trusted: the result is parsed, and if it says anything else than
/// before, but for the number, it is refused too.
package struct NumberEdit {
    package let bytes: [UInt8]
    /// Where the number stands now.
    package let mark: Mark

    /// - Parameters:
    ///   - path: The keys from the top of the document to the number.
    ///   - document: Which of the documents of the text, from 0.
    package init(
        of text: [UInt8],
        setting path: [String],
        to number: Int64,
        inDocument document: Int = 0
    ) throws(YAMLError) {
        let before = try Node.parse(text)
        let documents = try PlacedNode.documents(of: text)
        guard documents.indices.contains(document) else {
            throw YAMLError("there is no document in it", at: Mark(line: 1, column: 1))
        }
        let change = try Editor(text: text, number: number)
            .change(documents[document], path[...], below: nil)
        var edited = text
        edited.replaceSubrange(change.range, with: change.text.utf8)
        bytes = edited
        mark = try NumberEdit.check(edited, before, path, number, document, change.mark)
    }

    /// Where the number stands in a text that says just what it should.
    private static func check(
        _ edited: [UInt8],
        _ before: [Node],
        _ path: [String],
        _ number: Int64,
        _ document: Int,
        _ place: Mark
    ) throws(YAMLError) -> Mark {
        let doubt = YAMLError(
            "\(path.joined(separator: ".")) cannot be set here without changing more; edit it by "
                + "hand",
            at: place
        )
        guard let after = try? Node.parse(edited), after.count == before.count,
            let node = path.reduce(after[document] as Node?, { node, key in node?[key] }),
            node.resolved == .integer(number), let mark = node.mark
        else { throw doubt }
        for (index, (old, new)) in zip(before, after).enumerated() {
            let rest = index == document ? path[...] : []
            guard old.without(rest).unmarked == new.without(rest).unmarked else { throw doubt }
        }
        return mark
    }
}

/// Finds the one place at which a text must change.
private struct Editor {
    /// Bytes of the text, what takes their place, and the place for messages.
    struct Change {
        let range: Range<Int>
        let text: String
        let mark: Mark
    }

    /// The key whose value is looked at, and whether it stands between braces.
    struct Above {
        let key: PlacedNode
        let isFlow: Bool
    }

    let text: [UInt8]
    let number: Int64

    /// - Parameter path: The keys that are left from this node on.
    func change(
        _ node: PlacedNode,
        _ path: ArraySlice<String>,
        below above: Above?
    ) throws(YAMLError) -> Change {
        if let property = node.property {
            let message =
                "\(property) stands before the value, so a change may mean more than it "
                + "says; edit it by hand"
            throw YAMLError(message, at: node.mark)
        }
        guard let name = path.first else { return try replacement(of: node) }
        switch node.content {
        case .mapping(let pairs, let isFlow):
            for pair in pairs {
                guard case .scalar(let key) = pair.key.content else {
                    throw YAMLError("the key is an alias; write it out", at: pair.key.mark)
                }
                guard key.text == name else { continue }
                let here = Above(key: pair.key, isFlow: isFlow)
                return try change(pair.value, path.dropFirst(), below: here)
            }
            return isFlow
                ? flowInsertion(into: node, pairs, path)
                : try blockInsertion(into: node, pairs, path, above)
        case .scalar(let scalar) where CoreSchema.resolve(scalar) == .null:
            return try filling(node, path, above)
        case .alias(let alias):
            throw YAMLError("the value is the alias *\(alias); write it out", at: node.mark)
        case .scalar, .sequence: throw YAMLError("expected a map", at: node.mark)
        }
    }

    private func replacement(of node: PlacedNode) throws(YAMLError) -> Change {
        switch node.content {
        case .scalar(let scalar) where scalar.style == .plain:
            let isEmpty = node.start == node.end
            return change(node.start, node.end, isEmpty ? " \(number)" : "\(number)", node.mark)
        case .scalar: throw YAMLError("expected a number, found a text", at: node.mark)
        case .alias(let alias):
            throw YAMLError("the value is the alias *\(alias); write it out", at: node.mark)
        case .sequence, .mapping: throw YAMLError("expected a number", at: node.mark)
        }
    }

    /// Into braces, after what is there.
    private func flowInsertion(
        into node: PlacedNode,
        _ pairs: [PlacedNode.Pair],
        _ path: ArraySlice<String>
    ) -> Change {
        guard let last = pairs.last else {
            let inside = node.start + 1
            let isSpaced = text[byte(inside)] == UInt8(ascii: " ")
            return change(inside, inside, (isSpaced ? " " : "") + flow(path, false), node.mark)
        }
        var isQuoted = false
        if case .scalar(let key) = last.key.content { isQuoted = key.style == .doubleQuoted }
        return change(last.value.end, last.value.end, ", " + flow(path, isQuoted), node.mark)
    }

    /// A line of its own: below the key that the block belongs to, or at the end of the document.
    private func blockInsertion(
        into node: PlacedNode,
        _ pairs: [PlacedNode.Pair],
        _ path: ArraySlice<String>,
        _ above: Above?
    ) throws(YAMLError) -> Change {
        let first = byte(pairs.first?.key.start ?? node.start)
        let start = lineStart(first)
        let indent = text[start..<first]
        guard indent.allSatisfy({ $0 == UInt8(ascii: " ") }) else {
            throw YAMLError(
                "the map begins in the middle of a line; edit it by hand",
                at: node.mark
            )
        }
        let lines = block(path, indent.count)
        guard let above else { return insertion(of: lines, after: byte(node.end), node.mark) }
        let key = byte(above.key.end)
        guard key < start else {
            throw YAMLError("the map begins beside its key; edit it by hand", at: node.mark)
        }
        return insertion(of: lines, after: key, node.mark)
    }

    /// In place of nothing, or of a `null`.
    private func filling(
        _ node: PlacedNode,
        _ path: ArraySlice<String>,
        _ above: Above?
    ) throws(YAMLError) -> Change {
        guard let above else { throw YAMLError("the document is empty", at: node.mark) }
        let isEmpty = node.start == node.end
        if isEmpty, !above.isFlow {
            let key = byte(above.key.start)
            let indent = key - lineStart(key) + 2
            return insertion(of: block(path, indent), after: byte(node.end), node.mark)
        }
        let start = byte(node.start)
        let isBeside = isEmpty && text[..<start].last != UInt8(ascii: " ")
        let map = (isBeside ? " {" : "{") + flow(path, false) + "}"
        return change(node.start, node.end, map, node.mark)
    }

    /// `a: {b: 5}`.
    private func flow(_ path: ArraySlice<String>, _ isQuoted: Bool) -> String {
        guard let key = path.first else { return "\(number)" }
        let rest = flow(path.dropFirst(), isQuoted)
        let value = path.count > 1 ? "{\(rest)}" : rest
        return (isQuoted ? "\"\(key)\"" : key) + ": " + value
    }

    private func block(_ path: ArraySlice<String>, _ indent: Int) -> [String] {
        path.enumerated().map { depth, key in
            let value = depth + 1 == path.count ? " \(number)" : ""
            return String(repeating: " ", count: indent + 2 * depth) + "\(key):\(value)"
        }
    }

    private func change(_ start: Int, _ end: Int, _ text: String, _ mark: Mark) -> Change {
        Change(range: byte(start)..<byte(end), text: text, mark: mark)
    }

    /// Whole lines below the one in which `offset` is, or at `offset` if a line begins there.
    private func insertion(of lines: [String], after offset: Int, _ mark: Mark) -> Change {
        let whole = { (breaks: String) in lines.map { $0 + breaks }.joined() }
        if offset > 0, lineStart(offset) == offset {
            return Change(range: offset..<offset, text: whole(lineBreak(from: 0)), mark: mark)
        }
        guard let end = text[offset...].firstIndex(where: isBreak) else {
            let breaks = lineBreak(from: 0)
            let tail = lines.map { breaks + $0 }.joined()
            return Change(range: text.count..<text.count, text: tail, mark: mark)
        }
        let breaks = lineBreak(from: end)
        let next = end + breaks.utf8.count
        return Change(range: next..<next, text: whole(breaks), mark: mark)
    }

    /// The first line break from a byte on, as it is written; the usual one if there is none.
    private func lineBreak(from offset: Int) -> String {
        guard let at = text[offset...].firstIndex(where: isBreak) else { return "\n" }
        let isPair = text[at...].starts(with: [0x0D, 0x0A])
        return isPair ? "\r\n" : text[at] == 0x0D ? "\r" : "\n"
    }

    private func lineStart(_ offset: Int) -> Int {
        text[..<offset].lastIndex(where: isBreak).map { $0 + 1 } ?? 0
    }

    private func isBreak(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// The byte at which a scalar of the text begins.
    private func byte(_ scalar: Int) -> Int {
        var seen = 0
        for (index, byte) in text.enumerated() where byte & 0xC0 != 0x80 {
            if seen == scalar { return index }
            seen += 1
        }
        return text.count
    }
}

extension Node {
    /// The tree without where it stood.
    fileprivate var unmarked: Node {
        let bare: Content =
            switch content {
            case .scalar: content
            case .sequence(let items): .sequence(items.map(\.unmarked))
            case .mapping(let pairs):
                .mapping(pairs.map { Pair($0.key, $0.value.unmarked) })
            }
        return Node(bare, tag: tag)
    }

    /// The tree without the value at a path, nor any map that is empty, or nothing, without it.
    fileprivate func without(_ path: ArraySlice<String>) -> Node {
        guard let name = path.first, case .mapping(let pairs) = content else { return self }
        let left = pairs.compactMap { pair -> Pair? in
            guard pair.key == name else { return pair }
            if path.count == 1 { return nil }
            let value = pair.value.without(path.dropFirst())
            if case .mapping(let rest) = value.content, rest.isEmpty { return nil }
            return value.isNull ? nil : Pair(pair.key, value, keyMark: pair.keyMark)
        }
        return Node(.mapping(left), tag: tag, mark: mark)
    }
}
