/// A point of the keyspace's history: the entry's revision and the number of the change within it.
///
/// Every transaction that changes something takes one `main`; its changes are numbered from 0
/// by `sub`. Clients see only `main`.
package struct Revision: Comparable, Hashable, Sendable, CustomStringConvertible {
    package let main: Int64
    package let sub: Int64

    package init(main: Int64, sub: Int64 = 0) {
        self.main = main
        self.sub = sub
    }

    package static func < (left: Revision, right: Revision) -> Bool {
        left.main == right.main ? left.sub < right.sub : left.main < right.main
    }

    package var description: String { "\(main).\(sub)" }
}
