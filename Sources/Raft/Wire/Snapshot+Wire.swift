// Fields of raftpb.Snapshot: 1 data, 2 metadata.
extension Snapshot: WireCodable {
    private var metadata: Metadata {
        Metadata(confState: confState, index: index, term: term)
    }

    package var encodedSize: Int {
        (data.isEmpty ? 0 : fieldSize(length: data.count))
            + fieldSize(length: metadata.encodedSize)
    }

    package func encode(into bytes: inout [UInt8]) {
        if !data.isEmpty { bytes.appendField(1, bytes: data) }
        bytes.appendField(2, message: metadata)
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init()
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: data = Array(try reader.slice(field))
            case 2:
                let metadata = try Metadata(decoding: try reader.slice(field))
                confState = metadata.confState
                index = metadata.index
                term = metadata.term
            default: try reader.skip(field)
            }
        }
    }
}

extension Snapshot {
    // Fields of raftpb.SnapshotMetadata: 1 conf_state, 2 index, 3 term.
    private struct Metadata: WireCodable {
        var confState = ConfState()
        var index = LogIndex.zero
        var term = Term.zero

        init(confState: ConfState, index: LogIndex, term: Term) {
            self.confState = confState
            self.index = index
            self.term = term
        }

        var encodedSize: Int {
            fieldSize(length: confState.encodedSize) + fieldSize(varint: index.rawValue)
                + fieldSize(varint: term.rawValue)
        }

        func encode(into bytes: inout [UInt8]) {
            bytes.appendField(1, message: confState)
            bytes.appendField(2, varint: index.rawValue)
            bytes.appendField(3, varint: term.rawValue)
        }

        init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
            var reader = WireReader(bytes)
            while let field = try reader.next() {
                switch field.number {
                case 1: confState = try ConfState(decoding: try reader.slice(field))
                case 2: index = LogIndex(rawValue: try reader.number(field))
                case 3: term = Term(rawValue: try reader.number(field))
                default: try reader.skip(field)
                }
            }
        }
    }
}
