import NIOCore

/// The header block of a request while it arrives; blocks never interleave, so a connection needs
/// one of these only, and remembers in it what the last requests looked like.
struct RequestHead {
    private let router: any GRPCRouter
    private let sizeLimit: Int
    private var routes = RouteCache()
    private var fields = Metadata()
    private var lastFields = Metadata()
    private var isGRPC = false
    private var contentType: String?

    private(set) var id: Int32 = 0
    private(set) var path = ""
    private(set) var method: GRPCMethod?
    private(set) var deadline: NIODeadline?
    private(set) var encoding: String?
    /// Names and values, and 32 octets for each field.
    private(set) var size = 0
    /// Set if the request is to be refused, with this HTTP status.
    private var refusal: (http: String, status: GRPCStatus)?

    init(_ configuration: GRPCServerConfiguration) {
        router = configuration.router
        sizeLimit = configuration.maxHeaderListSize
    }

    /// Starts anew for the request of a stream.
    mutating func begin(_ stream: Int32) {
        id = stream
        path = ""
        method = nil
        deadline = nil
        encoding = nil
        refusal = nil
        isGRPC = false
        contentType = nil
        size = 0
        fields.removeAll()
    }

    /// Above this nothing is kept; the request will be reset.
    var isTooLarge: Bool { size > sizeLimit }

    /// Decoding goes on then, as the table of the compression is shared; but not for ever.
    var isFarTooLarge: Bool { size > 16 * sizeLimit }

    /// The fields that are not gRPC's own.
    var metadata: Metadata { lastFields }

    mutating func add(name: RawSpan, value: RawSpan) {
        size += name.byteCount + value.byteCount + 32
        guard !isTooLarge else { return }
        if name.byteCount > 0, name.octet(0) == UInt8(ascii: ":") {
            if name.equals(":path") {
                (path, method) = routes.find(value, router)
            } else if name.equals(":method"), !value.equals("POST") {
                let start = "Received a HEADERS frame with :method"
                let text = "\(start) \"\(value.text)\" which should be POST"
                refusal = ("405", GRPCStatus(.internalError, text))
            }
        } else if name.equals("content-type") {
            isGRPC = Self.isGRPC(value)
            if !isGRPC { contentType = value.text }
        } else if name.equals("grpc-timeout") {
            if let timeout = GRPCTimeout.parse(value) {
                deadline = .now() + timeout
            } else {
                let text = "malformed grpc-timeout: \"\(value.text)\""
                refusal = ("400", GRPCStatus(.internalError, text))
            }
        } else if name.equals("grpc-encoding") {
            encoding = value.text
        } else if !name.equals("te"), !name.equals("grpc-accept-encoding") {
            fields.add(name: name, value: value)
        }
    }

    /// Looks at the whole block: the answer to a request that cannot be served, or nil.
    mutating func finish() -> HeaderList? {
        // The same client tends to send the same fields each time: then the copy is shared.
        if fields != lastFields { lastFields = fields }
        if !isGRPC {
            let text = "invalid gRPC request content-type \"\(contentType ?? "")\""
            refusal = ("415", GRPCStatus(.invalidArgument, text))
        }
        if let refusal { return .onlyTrailers(http: refusal.http, refusal.status, [:]) }
        return method == nil ? .onlyTrailers(routes.unknown(path, router), [:]) : nil
    }

    private static func isGRPC(_ type: RawSpan) -> Bool {
        guard type.begins(with: "application/grpc") else { return false }
        guard type.byteCount > 16 else { return true }
        return type.octet(16) == UInt8(ascii: "+") || type.octet(16) == UInt8(ascii: ";")
    }
}
