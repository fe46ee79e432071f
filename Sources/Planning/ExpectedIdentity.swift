/// The ids that a cluster and its first members will give themselves.
///
/// etcd derives them, so they are known before anything has run: a member's id is the first eight
/// bytes of SHA-1 over its peer URLs and the token, the cluster's id the same over the members'
/// ids in ascending order, eight bytes each, most significant first.
package struct ExpectedIdentity: Hashable, Sendable {
    /// In the order of the URLs given; lower-case hexadecimal.
    package let memberIDs: [String]
    package let clusterID: String

    /// One peer URL for each member.
    package init(peerURLs: [String], token: String) {
        let ids = peerURLs.map { SHA1.prefix(of: Array(($0 + token).utf8)) }
        let bytes = ids.sorted().flatMap { id in
            (0..<8).map { UInt8(truncatingIfNeeded: id >> UInt64(56 - 8 * $0)) }
        }
        memberIDs = ids.map { String($0, radix: 16) }
        clusterID = String(SHA1.prefix(of: bytes), radix: 16)
    }
}

/// SHA-1 (FIPS 180-4), for ids only: nothing here depends on its strength.
enum SHA1 {
    /// The first eight bytes of the digest as a number, most significant byte first.
    static func prefix(of message: [UInt8]) -> UInt64 {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        for start in stride(from: 0, to: padded.count, by: 64) {
            mix(padded[start..<start + 64], into: &state)
        }
        return UInt64(state[0]) << 32 | UInt64(state[1])
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        var words: [UInt32] = []
        for start in stride(from: block.startIndex, to: block.endIndex, by: 4) {
            words.append(block[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
        }
        for index in 16..<80 {
            let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words.append(rotated(word, by: 1))
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for (round, word) in words.enumerated() {
            let (choice, constant): (UInt32, UInt32) =
                switch round {
                case ..<20: ((b & c) | (~b & d), 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotated(a, by: 5) &+ choice &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, rotated(b, by: 30), a, next)
        }
        for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }

    private static func rotated(_ word: UInt32, by count: UInt32) -> UInt32 {
        word << count | word >> (32 - count)
    }
}
