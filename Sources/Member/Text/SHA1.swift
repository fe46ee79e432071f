/// SHA-1 (RFC 3174), by which etcd derives member and cluster ids from peer URLs. It names things
/// and protects nothing, so its weakness as a signature does not matter; a few lines here weigh
/// less than a cryptography package in every build.
package struct SHA1 {
    private var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]

    /// The 20 bytes of the digest.
    package static func digest(of message: [UInt8]) -> [UInt8] {
        // The message, one bit, zeros up to 8 bytes short of a block, the length in bits.
        var padded = message
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        padded.append(bigEndian: UInt64(message.count) * 8)

        var hash = SHA1()
        for start in stride(from: 0, to: padded.count, by: 64) {
            hash.mix(padded[start..<start + 64])
        }
        return hash.state.flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// The digest's first 8 bytes as a big-endian number, which is how etcd makes an id of it.
    static func id(of message: [UInt8]) -> UInt64 {
        digest(of: message).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func mix(_ block: ArraySlice<UInt8>) {
        var words: [UInt32] = []
        words.reserveCapacity(80)
        for start in stride(from: block.startIndex, to: block.endIndex, by: 4) {
            words.append(block[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
        }
        for index in 16..<80 {
            let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words.append(mixed.rotated(left: 1))
        }

        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for (index, word) in words.enumerated() {
            let (mixed, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: ((b & c) | (~b & d), 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = a.rotated(left: 5) &+ mixed &+ e &+ word &+ constant
            (a, b, c, d, e) = (next, a, b.rotated(left: 30), c, d)
        }
        for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }
}

extension UInt32 {
    fileprivate func rotated(left count: UInt32) -> UInt32 {
        self << count | self >> (32 - count)
    }
}

extension [UInt8] {
    /// Appends the number's 8 bytes, most significant first.
    mutating func append(bigEndian number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }
}
