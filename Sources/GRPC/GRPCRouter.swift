/// Knows the methods of a server. Asked on the event loop of the connection; the answer for a path
/// that exists must stay the same, as connections remember it.
package protocol GRPCRouter {
    /// The method at a path such as `/etcdserverpb.KV/Range`, or nil.
    func method(_ path: String) -> GRPCMethod?

    /// Whether there is such a service as `etcdserverpb.KV`: for the error text only.
    func hasService(_ name: String) -> Bool
}

extension GRPCRouter {
    package func hasService(_ name: String) -> Bool { false }
}

/// How a method is called: on the event loop of the connection, to answer now or later on that
/// loop.
package enum GRPCMethod {
    /// One request, one answer.
    case unary((UnaryCall) -> Void)
    /// Messages both ways, as many as either side likes.
    case streaming((ServerStream) -> Void)
}
