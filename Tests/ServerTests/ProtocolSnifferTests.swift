import Server
import Testing

/// One port, two protocols.
@Suite struct ProtocolSnifferTests {
    @Test(arguments: ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI", "PRI * H"])
    func `HTTP2 is known by its preface`(text: String) {
        #expect(ProtocolSniffer.judge(text.utf8) == .http2)
    }

    @Test(arguments: ["GET / HTTP/1.1", "POST /v3/kv/put", "PUT ", "G", "PRX", "\u{16}\u{3}\u{1}"])
    func `everything else is HTTP1`(text: String) {
        #expect(ProtocolSniffer.judge(text.utf8) == .http1)
    }

    @Test(arguments: ["", "P", "PR"])
    func `too little is not judged`(text: String) {
        #expect(ProtocolSniffer.judge(text.utf8) == nil)
    }
}
