import EtcdProto
import Member
import TestKit
import Testing

/// The JSON that peers and conf changes carry: any bytes are refused or read, in bounded time and
/// stack, and what was read is written so that it is read as the same.
/// `FUZZ_SECONDS=n` and `SEED=n` as in `Fuzz`.
@Suite struct JSONFuzzTests {
    private static let words =
        ["{", "}", "[", "]", "\"", ":", ",", "\\u", "\\ud800", "\\udc00", "\\", "null", "true"]
        + ["1e999", "-0", "18446744073709551616", "\"id\":", "\"peerURLs\":", "\"name\":", "\u{0}"]

    private static let samples = [
        #"{"id":10501334649042878790,"peerURLs":["http://a:1","http://b:2"],"name":"n\u00e9"}"#,
        #"{"id":1,"peerURLs":[],"isLearner":true,"name":"x","clientURLs":["http://c:3"]}"#,
        #"{"id":2,"peerURLs":null,"isPromote":true,"more":{"a":[1,2.5e3,{}]}}"#,
    ]

    @Test(arguments: Fuzz.seeds)
    func `a member's record is refused, or comes back as it was read`(seed: Seed) throws {
        let mutation = Mutation(words: Self.words.map { Array($0.utf8) }, maxCount: 1 << 12)
        var readCount = 0
        try Fuzz.run(seed, rounds: 20_000) { generator in
            let sample = Array(generator.pick(Self.samples).utf8)
            let other = Array(generator.pick(Self.samples).utf8)
            let bytes = mutation.apply(to: sample, mixing: other, &generator)
            guard let member = try? MemberInfo(json: bytes) else { return }
            readCount += 1
            let again = try MemberInfo(json: member.json)
            if again != member { Issue.record("\(member) comes back as \(again)") }
        }
        #expect(readCount > 500)
    }

    @Test(arguments: Fuzz.seeds)
    func `a list of members is refused, or comes back as it was read`(seed: Seed) throws {
        let mutation = Mutation(words: Self.words.map { Array($0.utf8) }, maxCount: 1 << 12)
        let list = Array("[\(Self.samples.joined(separator: ","))]".utf8)
        var readCount = 0
        try Fuzz.run(seed, rounds: 5000) { generator in
            let bytes = mutation.apply(to: list, mixing: list, &generator)
            guard let members = try? MemberInfo.list(json: bytes) else { return }
            readCount += 1
            let again = try MemberInfo.list(json: MemberInfo.json(list: members))
            if again != members { Issue.record("\(members) comes back as \(again)") }
        }
        #expect(readCount > 100)
    }

    @Test func `nesting and length cost neither stack nor time`() {
        for open in ["[", "{\"a\":", "[[{\"b\":["] {
            let deep = String(repeating: open, count: 200_000)
            #expect((try? MemberInfo.list(json: Array(deep.utf8))) == nil)
        }
        let long = "{\"id\":1,\"name\":\"" + String(repeating: "\\u0041", count: 200_000) + "\"}"
        #expect((try? MemberInfo(json: Array(long.utf8)))?.name.count == 200_000)
        let digits = "{\"id\":" + String(repeating: "9", count: 1_000_000) + "}"
        #expect((try? MemberInfo(json: Array(digits.utf8))) == nil)
    }
}
