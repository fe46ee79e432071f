/// Why a bbolt file cannot be written or read.
package enum BoltError: Error, Hashable, Sendable, CustomStringConvertible {
    case disk(DiskError)
    /// The file's bytes at that page are not those of a database that is whole.
    case damaged(path: String, page: UInt64, Damage)
    /// A row came that does not follow the one before it, or a bucket whose name does not.
    case outOfOrder(bucket: String)
    /// The key is empty or too long, or the value is too long.
    case badRow(bucket: String, keyBytes: Int, valueBytes: Int)

    /// What is wrong with a page.
    package enum Damage: Hashable, Sendable {
        /// Neither meta page is whole: this is no bbolt file, or one that was not finished.
        case noMeta
        /// The file ends before the last of its pages.
        case truncated
        /// A page is named that cannot be, such as one above the high-water mark.
        case noSuchPage
        /// The page does not carry its own number.
        case wrongNumber(UInt64)
        /// The page has another kind than its place demands; this is what it says.
        case wrongKind(UInt16)
        /// The page is reached a second time, or is listed as free.
        case usedTwice
        /// An element points outside of its page or into another element.
        case outOfBounds
        /// Keys do not ascend.
        case outOfOrder
        /// A page of a tree without elements.
        case empty
        /// The tree is deeper than any is.
        case tooDeep
        /// A key or value larger than any that is read.
        case tooLarge
        /// A bucket where a row should be, or a row where a bucket should be.
        case wrongElement(UInt32)
        /// More buckets than any etcd has, or one whose head is not one.
        case badBucket

        var description: String {
            switch self {
            case .noMeta: "no whole meta page: not a snapshot, or one that was not finished"
            case .truncated: "the file ends too early"
            case .noSuchPage: "there can be no such page"
            case .wrongNumber(let found): "it carries the number \(found)"
            case .wrongKind(let found): "it has the wrong kind \(found)"
            case .usedTwice: "it is used twice, or used and free"
            case .outOfBounds: "an element lies outside of its place"
            case .outOfOrder: "the keys are not in order"
            case .empty: "it has no elements"
            case .tooDeep: "the tree is too deep"
            case .tooLarge: "a key or value is too large"
            case .wrongElement(let flags): "an element has the wrong flags \(flags)"
            case .badBucket: "a bucket's entry is not one, or there are too many"
            }
        }
    }

    package var description: String {
        switch self {
        case .disk(let error):
            error.description
        case .damaged(let path, let page, let damage):
            "the snapshot \(path) is damaged at page \(page): \(damage.description)"
        case .outOfOrder(let bucket):
            "what is to be written to bucket \(bucket) is not in order"
        case .badRow(let bucket, let keyBytes, let valueBytes):
            """
            a row of bucket \(bucket) with a key of \(keyBytes) bytes and a value of \
            \(valueBytes) cannot be in a snapshot
            """
        }
    }
}
