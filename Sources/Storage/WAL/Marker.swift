package import Raft

extension WAL {
    /// A point of the log up to which the state is kept elsewhere (`walpb.Snapshot`: 1 index,
    /// 2 term, 3 conf_state). Reading starts from one.
    package struct Marker: Hashable, Sendable {
        package let index: LogIndex
        package let term: Term
        /// Who took part at that index. etcd from 3.5 on refuses a marker without it, but for
        /// the first one.
        package let confState: ConfState?

        package init(index: LogIndex, term: Term, confState: ConfState?) {
            self.index = index
            self.term = term
            self.confState = confState
        }

        /// The beginning of every log.
        package static let zero = Marker(index: .zero, term: .zero, confState: nil)

        func encode(into bytes: inout [UInt8]) {
            bytes.append(1 << 3)
            bytes.append(varint: index.rawValue)
            bytes.append(2 << 3)
            bytes.append(varint: term.rawValue)
            if let confState {
                bytes.append(3 << 3 | 2)
                bytes.append(varint: UInt64(confState.encodedSize))
                confState.encode(into: &bytes)
            }
        }

        /// nil when the bytes are no marker.
        init?(_ bytes: [UInt8], _ range: Range<Int>) {
            var index: UInt64 = 0
            var term: UInt64 = 0
            var confState: ConfState?
            var scanner = FieldScanner(bytes, range)
            while !scanner.isAtEnd {
                guard let field = scanner.next() else { return nil }
                switch (field.number, field.value) {
                case (1, .varint(let value)): index = value
                case (2, .varint(let value)): term = value
                case (3, .bytes(let inner)):
                    guard let decoded = try? ConfState(decoding: bytes[inner]) else { return nil }
                    confState = decoded
                case (1...3, _): return nil
                default: break
                }
            }
            self.init(
                index: LogIndex(rawValue: index),
                term: Term(rawValue: term),
                confState: confState
            )
        }
    }
}
