import Testing
import YAML

@Suite struct MarkTests {
    @Test func `a byte that is not UTF-8 is found at its line and column`() {
        let bytes = Array("a: 1\né: ".utf8) + [0xFF, 0x0A]
        let error = #expect(throws: YAMLError.self) { try Node.parse(bytes) }
        #expect(error?.mark == Mark(line: 2, column: 4))
    }

    @Test func `a control character is found at its line and column`() {
        let error = #expect(throws: YAMLError.self) { try Node.parse("a: 1\nb: \u{0}") }
        #expect(error?.mark == Mark(line: 2, column: 4))
    }

    @Test func `an excerpt never sends control characters to a terminal`() {
        let excerpt = Excerpt(of: "a\u{1B}[2J\tb", at: Mark(line: 1, column: 6)).description
        #expect(excerpt == "  1 | a [2J b\n    |      ^\n")
    }

    @Test func `an excerpt of a place outside the text is empty or at the end of its line`() {
        #expect(Excerpt(of: "a", at: Mark(line: 9, column: 1)).description.isEmpty)
        #expect(Excerpt(of: "a", at: Mark(line: 1, column: 9)).description == "  1 | a\n    |  ^\n")
    }

    @Test func `lines that end with a carriage return are shown without it`() {
        let excerpt = Excerpt(of: "a: 1\r\nb: 2\r\n", at: Mark(line: 2, column: 4)).description
        #expect(excerpt == "  2 | b: 2\n    |    ^\n")
    }
}
