import Keyspace
import Member
import Raft

/// A planted bug: a view that shows a group which was once, instead of the present one.
final class ForgetfulView: BackendView {
    private let view: any BackendView
    private let former: [UInt8]

    init(_ view: any BackendView, remembering former: ConfState) {
        self.view = view
        self.former = former.json
    }

    func scan(
        _ bucket: Bucket,
        from: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(BackendError) {
        try view.scan(bucket, from: from) { key, value in
            let isForgotten =
                bucket == .meta && MetaKey.confState.elementsEqual(key.indices.map { key[$0] })
            guard isForgotten else { return body(key, value) }
            let former = former
            return body(key, former.span)
        }
    }

    func close() {
        view.close()
    }
}
