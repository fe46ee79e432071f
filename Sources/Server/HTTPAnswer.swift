package import NIOHTTP1

/// A small whole HTTP response.
package struct HTTPAnswer: Sendable {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// As Go's `http.Error` writes it: the text and a line end.
    package static func error(
        _ status: HTTPResponseStatus,
        _ text: String,
        _ headers: HTTPHeaders = [:]
    ) -> HTTPAnswer {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        return HTTPAnswer(status, headers, body: Array((text + "\n").utf8))
    }

    package static func json(_ text: String, _ headers: HTTPHeaders = [:]) -> HTTPAnswer {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        return HTTPAnswer(.ok, headers, body: Array(text.utf8))
    }

    package static let notFound = error(.notFound, "404 page not found")

    package static func methodNotAllowed(_ allowed: String) -> HTTPAnswer {
        error(.methodNotAllowed, "Method Not Allowed", ["Allow": allowed])
    }
}
