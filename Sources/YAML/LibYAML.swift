// The only file that touches libyaml: its parser as a stream of Swift values, its emitter as a
// function from Swift values to bytes.
private import CLibYAML

/// What the parser saw, and where it began.
struct ParseEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(Node.Scalar, tag: String?, anchor: String?)
        case sequenceStart(tag: String?, anchor: String?)
        case sequenceEnd
        case mappingStart(tag: String?, anchor: String?, isFlow: Bool)
        case mappingEnd
    }

    let kind: Kind
    let mark: Mark
    /// Where it stands, in Unicode scalars from the beginning of the text. A block, and so an empty
    /// value, ends where the next token begins.
    let range: Range<Int>
}

/// One text being parsed. libyaml keeps a pointer into the text, so the text is copied to memory
/// that stays in place. Safe to use: the class frees both, and hands out only copies.
@safe final class EventReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ bytes: [UInt8]) {
        unsafe text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = unsafe text.initialize(from: bytes)
        unsafe parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            fatalError("libyaml could not allocate a parser")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event. Nothing may be asked after an error or the end of the stream.
    func next() throws(YAMLError) -> ParseEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { unsafe yaml_event_delete(&event) }
        let mark = unsafe Mark(event.start_mark)
        let start = unsafe event.start_mark.index
        let end = unsafe max(start, event.end_mark.index)
        return unsafe ParseEvent(kind: kind(of: event), mark: mark, range: start..<end)
    }

    private func kind(of event: yaml_event_t) -> ParseEvent.Kind {
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_ALIAS_EVENT: return .alias(unsafe string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let text = unsafe String(decoding: bytes, as: UTF8.self)
            return unsafe .scalar(
                Node.Scalar(text, style: Node.Scalar.Style(scalar.style)),
                tag: string(scalar.tag),
                anchor: string(scalar.anchor)
            )
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe .sequenceStart(tag: string(start.tag), anchor: string(start.anchor))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe .mappingStart(
                tag: string(start.tag),
                anchor: string(start.anchor),
                isFlow: start.style == YAML_FLOW_MAPPING_STYLE
            )
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        default: fatalError("libyaml made an event of an unknown type")
        }
    }

    private func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let text = unsafe text else { return nil }
        return unsafe String(cString: text)
    }

    private func problem() -> YAMLError {
        let text = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
        var message = text ?? "the text is not YAML"
        if unsafe parser.pointee.error == YAML_READER_ERROR {
            // The reader gives an offset in bytes instead of a mark.
            let offset = unsafe parser.pointee.problem_offset
            return YAMLError(message, at: mark(ofByte: offset))
        }
        let place = unsafe Mark(parser.pointee.problem_mark)
        if let plain = plainWords(for: message, at: place) { return YAMLError(plain, at: place) }
        if let context = unsafe parser.pointee.context {
            let start = unsafe Mark(parser.pointee.context_mark)
            message += unsafe " (\(String(cString: context)) that began at \(start))"
        }
        return YAMLError(message, at: place)
    }

    /// The two commonest mistakes in words that say what to do.
    private func plainWords(for problem: String, at mark: Mark) -> String? {
        switch problem {
        case "found character that cannot start any token" where isTab(at: mark):
            "found a tab; YAML is indented with spaces"
        case "mapping values are not allowed in this context":
            "a ':' is not expected here; check the indentation, or quote a text that contains ': '"
        default: nil
        }
    }

    private func isTab(at mark: Mark) -> Bool {
        let newline = UInt8(ascii: "\n")
        let lines = unsafe text.split(separator: newline, omittingEmptySubsequences: false)
        guard unsafe mark.line <= lines.count else { return false }
        let line = unsafe String(decoding: lines[mark.line - 1], as: UTF8.self)
        return line.unicodeScalars.dropFirst(mark.column - 1).first == "\t"
    }

    private func mark(ofByte offset: Int) -> Mark {
        let before = unsafe text.prefix(max(0, offset))
        let newline = UInt8(ascii: "\n")
        let lastLine = unsafe before.split(separator: newline, omittingEmptySubsequences: false)
            .last
        // Continuation bytes of UTF-8 are not columns.
        let columns = unsafe lastLine?.count { $0 & 0xC0 != 0x80 } ?? 0
        return unsafe Mark(line: 1 + before.count { $0 == newline }, column: 1 + columns)
    }
}

/// Writes documents as libyaml does: two spaces, no folding of long lines.
@safe final class EventWriter {
    private let emitter: UnsafeMutablePointer<yaml_emitter_t>
    private var output: [UInt8] = []

    /// The documents one after the other, each but the first begun by `---`.
    static func text(of documents: [Node]) -> String {
        let writer = EventWriter()
        unsafe writer.emit { unsafe yaml_stream_start_event_initialize(&$0, YAML_UTF8_ENCODING) }
        for (index, document) in documents.enumerated() {
            let isImplicit: Int32 = index == 0 ? 1 : 0
            unsafe writer.emit {
                unsafe yaml_document_start_event_initialize(&$0, nil, nil, nil, isImplicit)
            }
            writer.write(document)
            unsafe writer.emit { unsafe yaml_document_end_event_initialize(&$0, 1) }
        }
        unsafe writer.emit { unsafe yaml_stream_end_event_initialize(&$0) }
        return String(decoding: writer.output, as: UTF8.self)
    }

    private init() {
        unsafe emitter = UnsafeMutablePointer<yaml_emitter_t>.allocate(capacity: 1)
        guard unsafe yaml_emitter_initialize(emitter) == 1 else {
            fatalError("libyaml could not allocate an emitter")
        }
        unsafe yaml_emitter_set_unicode(emitter, 1)
        unsafe yaml_emitter_set_width(emitter, -1)
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe yaml_emitter_set_output(
            emitter,
            { this, bytes, count in
                guard let this = unsafe this, let bytes = unsafe bytes else { return 0 }
                let writer = unsafe Unmanaged<EventWriter>.fromOpaque(this).takeUnretainedValue()
                unsafe writer.output.append(
                    contentsOf: UnsafeBufferPointer(start: bytes, count: count)
                )
                return 1
            },
            this
        )
    }

    deinit {
        unsafe yaml_emitter_delete(emitter)
        unsafe emitter.deallocate()
    }

    private func write(_ node: Node) {
        switch node.content {
        case .scalar(let scalar): write(scalar, tag: node.tag)
        case .sequence(let items):
            unsafe emit {
                let style = items.isEmpty ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE
                return unsafe yaml_sequence_start_event_initialize(&$0, nil, nil, 1, style)
            }
            for item in items { write(item) }
            unsafe emit { unsafe yaml_sequence_end_event_initialize(&$0) }
        case .mapping(let pairs):
            unsafe emit {
                let style = pairs.isEmpty ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE
                return unsafe yaml_mapping_start_event_initialize(&$0, nil, nil, 1, style)
            }
            for pair in pairs {
                let style = CoreSchema.style(forText: pair.key)
                write(
                    Node.Scalar(pair.key, style: style == .plain ? .plain : .doubleQuoted),
                    tag: nil
                )
                write(pair.value)
            }
            unsafe emit { unsafe yaml_mapping_end_event_initialize(&$0) }
        }
    }

    private func write(_ scalar: Node.Scalar, tag: Tag?) {
        // What is tagged is written so that its look says the same.
        let style =
            switch tag {
            case nil: scalar.style
            case .string: CoreSchema.style(forText: scalar.text)
            default: Node.Scalar.Style.plain
            }
        // libyaml wants an address also for an empty text, so one more byte is handed over.
        let bytes = Array(scalar.text.utf8) + [0]
        unsafe emit { event in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                let count = Int32(bytes.count - 1)
                let text = bytes.baseAddress
                return unsafe yaml_scalar_event_initialize(
                    &event,
                    nil,
                    nil,
                    text,
                    count,
                    1,
                    1,
                    style.code
                )
            }
        }
    }

    private func emit(_ make: (inout yaml_event_t) -> Int32) {
        var event = unsafe yaml_event_t()
        guard unsafe make(&event) == 1, unsafe yaml_emitter_emit(emitter, &event) == 1 else {
            let problem = unsafe emitter.pointee.problem.map { unsafe String(cString: $0) }
            fatalError("libyaml could not write a tree: \(problem ?? "out of memory")")
        }
    }
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}

extension Node.Scalar.Style {
    fileprivate init(_ style: yaml_scalar_style_t) {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: self = .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: self = .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: self = .literal
        case YAML_FOLDED_SCALAR_STYLE: self = .folded
        default: self = .plain
        }
    }

    fileprivate var code: yaml_scalar_style_t {
        switch self {
        case .plain: YAML_PLAIN_SCALAR_STYLE
        case .singleQuoted: YAML_SINGLE_QUOTED_SCALAR_STYLE
        case .doubleQuoted: YAML_DOUBLE_QUOTED_SCALAR_STYLE
        case .literal: YAML_LITERAL_SCALAR_STYLE
        case .folded: YAML_FOLDED_SCALAR_STYLE
        }
    }
}
