import Storage
import TestKit
import Testing

@Suite struct CRC32CTests {
    /// The check values of RFC 3720, appendix B.4, and of the Rocksoft catalogue.
    @Test func `known checksums come out`() {
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
        #expect(checksum([]) == 0)
    }

    @Test(arguments: Seed.batch(8))
    func `bytes fed in pieces give what a bit by bit division gives`(seed: Seed) {
        var generator = seed.generator()
        let bytes = generator.bytes(generator.below(300))
        var pieces = CRC32C()
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + 1 + generator.below(40))
            pieces.update(bytes, at..<end)
            at = end
        }
        #expect(pieces.value == naive(bytes))
    }

    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    private func naive(_ bytes: [UInt8]) -> UInt32 {
        var rest: UInt32 = .max
        for byte in bytes {
            rest ^= UInt32(byte)
            for _ in 0..<8 {
                rest = rest & 1 == 1 ? (rest >> 1) ^ 0x82F6_3B78 : rest >> 1
            }
        }
        return ~rest
    }
}
