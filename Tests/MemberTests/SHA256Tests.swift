import Member
import TestKit
import Testing

@Suite struct SHA256Tests {
    private func digest(_ message: [UInt8], pieces: [Int] = []) -> String {
        var hash = SHA256()
        var rest = message[...]
        for count in pieces {
            hash.add(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        hash.add(Array(rest))
        return hash.finished().map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// FIPS 180-4's examples, and the empty message.
    @Test(arguments: [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func `digests are those of the standard`(text: String, count: Int, wanted: String) {
        #expect(digest(Array(String(repeating: text, count: count).utf8)) == wanted)
    }

    @Test(arguments: Seed.batch(30))
    func `a message in pieces has the digest of the whole`(seed: Seed) {
        var random = seed.generator()
        let message = random.bytes(random.below(1_000))
        let pieces = (0..<random.below(12)).map { _ in random.below(150) }
        #expect(digest(message, pieces: pieces) == digest(message))
    }
}
