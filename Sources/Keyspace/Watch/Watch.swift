package import EtcdProto
internal import FoundationEssentials

/// What a client wants to watch, and how.
package struct Watch: Hashable, Sendable {
    /// 0 lets the stream choose.
    package var id: Int64
    package var range: KeyRange
    /// The first revision to tell of; 0 is the next one.
    package var startRevision: Int64
    package var options: Options

    package struct Options: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let noPuts = Options(rawValue: 1)
        package static let noDeletions = Options(rawValue: 2)
        package static let previous = Options(rawValue: 4)
        /// Word that nothing happened, now and then.
        package static let progress = Options(rawValue: 8)
        /// One revision may come in several messages.
        package static let fragments = Options(rawValue: 16)

        /// Those that decide which events are given, and with what.
        var content: Options { intersection([.noPuts, .noDeletions, .previous]) }

        func admits(_ event: WatchEvent) -> Bool {
            !contains(event.isDeletion ? .noDeletions : .noPuts)
        }
    }

    package init(
        id: Int64 = 0,
        _ range: KeyRange,
        startRevision: Int64 = 0,
        options: Options = []
    ) {
        self.id = id
        self.range = range
        self.startRevision = startRevision
        self.options = options
    }

    /// An empty key means the smallest there is; filters that no version knows let all through.
    package init(_ request: WatchCreateRequest) {
        let key = request.key.isEmpty ? Data([0]) : request.key
        var options: Options = []
        for filter in request.filters {
            switch filter {
            case .noput: options.insert(.noPuts)
            case .nodelete: options.insert(.noDeletions)
            case .UNRECOGNIZED: break
            }
        }
        if request.prevKv { options.insert(.previous) }
        if request.progressNotify { options.insert(.progress) }
        if request.fragment { options.insert(.fragments) }
        self.init(
            id: request.watchID,
            KeyRange(key: key, rangeEnd: request.rangeEnd),
            startRevision: request.startRevision,
            options: options
        )
    }
}
