import Member
import Testing

@Suite struct SHA1Tests {
    /// RFC 3174, section 7.3 (but the million letters), and the empty message.
    @Test(arguments: [
        ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (
            "0123456701234567012345670123456701234567012345670123456701234567", 10,
            "dea356a2cddd90c7a7ecedc5ebb563934f460452"
        ),
    ])
    func `digests are those of RFC 3174`(text: String, count: Int, digest: String) {
        let message = Array(String(repeating: text, count: count).utf8)
        let digits = SHA1.digest(of: message).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        #expect(digits.joined() == digest)
    }
}
