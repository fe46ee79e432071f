/// The file of a bbolt database, which is what an etcd snapshot is.
///
/// The file is an array of pages of one size; a page may go on over the pages behind it
/// (`overflow`). All numbers are little-endian. A page begins with 16 bytes:
/// ```
/// 0 id: 8   8 kind: 2   10 count: 2   12 overflow: 4
/// ```
/// Pages 0 and 1 are meta pages; the valid one with the higher transaction counts. Behind its head:
/// ```
/// 16 magic: 4   20 version: 4   24 page size: 4   28 flags: 4
/// 32 root bucket: its page 8, its sequence 8
/// 48 freelist's page: 8   56 high-water mark: 8   64 transaction: 8   72 checksum: 8
/// ```
/// where the checksum is FNV-64a of bytes 16..<72 and every page lies below the high-water mark.
/// A freelist page holds `count` page ids; if `count` is 65,535, the first id is the true count.
///
/// Every bucket is a B+tree. A leaf has `count` elements of 16 bytes, then keys and values:
/// ```
/// flags: 4   position of the key, from this element on: 4   key size: 4   value size: 4
/// ```
/// and a branch has, for each child, `position 4, key size 4, child's page 8`, where the key is the
/// child's first or below it. A leaf of two rows a=1 and bc=23 is, from byte 16 on:
/// ```
/// 0 32 1 1   0 18 2 2   a 1 b c 2 3
/// ```
/// The root bucket's rows are the buckets by name, with flag 1; the value is the page of the
/// bucket's root and its sequence. A page of 0 means that the bucket has no page of its own: its
/// one leaf follows inside the value.
enum BoltFormat {
    static let magic: UInt32 = 0xED0C_DAED
    static let version: UInt32 = 2
    static let headBytes = 16
    static let elementBytes = 16
    /// Head and body of a meta page.
    static let metaBytes = 80
    static let bucketBytes = 16
    static let bucketFlag: UInt32 = 1
    /// In place of the freelist's page: there is none, as etcd's own files have it.
    static let noFreelist = UInt64.max
    static let pageSizes: [Int] = (10...16).map { 1 << $0 }

    /// What bbolt takes.
    static let keyBytesMax = 32_768
    static let valueBytesMax = Int(Int32.max) - 1

    enum PageKind: UInt16 {
        case branch = 0x01
        case leaf = 0x02
        case meta = 0x04
        case freelist = 0x10
    }

    /// The checksum of a meta page's body.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
