// Fields of raftpb.HardState: 1 term, 2 vote, 3 commit.
extension HardState: WireCodable {
    package var encodedSize: Int {
        fieldSize(varint: term.rawValue) + fieldSize(varint: vote.rawValue)
            + fieldSize(varint: commit.rawValue)
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendField(1, varint: term.rawValue)
        bytes.appendField(2, varint: vote.rawValue)
        bytes.appendField(3, varint: commit.rawValue)
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init()
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: term = Term(rawValue: try reader.number(field))
            case 2: vote = NodeID(rawValue: try reader.number(field))
            case 3: commit = LogIndex(rawValue: try reader.number(field))
            default: try reader.skip(field)
            }
        }
    }
}

// Fields of raftpb.ConfState: 1 voters, 2 learners, 3 voters_outgoing, 4 learners_next, all
// repeated and not packed, and 5 auto_leave.
extension ConfState: WireCodable {
    package var encodedSize: Int {
        let ids = voters + learners + votersOutgoing + learnersNext
        return ids.reduce(2) { $0 + fieldSize(varint: $1.rawValue) }
    }

    package func encode(into bytes: inout [UInt8]) {
        for id in voters { bytes.appendField(1, varint: id.rawValue) }
        for id in learners { bytes.appendField(2, varint: id.rawValue) }
        for id in votersOutgoing { bytes.appendField(3, varint: id.rawValue) }
        for id in learnersNext { bytes.appendField(4, varint: id.rawValue) }
        bytes.appendField(5, flag: autoLeave)
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(WireError) {
        self.init()
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch field.number {
            case 1: try reader.append(field, to: &voters)
            case 2: try reader.append(field, to: &learners)
            case 3: try reader.append(field, to: &votersOutgoing)
            case 4: try reader.append(field, to: &learnersNext)
            case 5: autoLeave = try reader.flag(field)
            default: try reader.skip(field)
            }
        }
    }
}
