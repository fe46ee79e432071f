/// The paths a connection has asked for, found again by their octets: most use one or two.
struct RouteCache {
    private struct Route {
        var octets: [UInt8]
        var path: String
        var method: GRPCMethod
    }

    private static let capacity = 32
    private var routes: [Route] = []

    /// The path as text, and its method if there is one.
    mutating func find(_ path: RawSpan, _ router: any GRPCRouter) -> (String, GRPCMethod?) {
        for route in routes where path.equals(route.octets) { return (route.path, route.method) }
        let text = path.text
        guard let method = router.method(text) else { return (text, nil) }
        if routes.count < Self.capacity {
            routes.append(Route(octets: path.array, path: text, method: method))
        }
        return (text, method)
    }

    /// What is wrong with a path that has no method, in the words of gRPC's Go library.
    func unknown(_ path: String, _ router: any GRPCRouter) -> GRPCStatus {
        let name = path.hasPrefix("/") ? path.dropFirst() : path[...]
        guard path.hasPrefix("/"), let slash = name.lastIndex(of: "/") else {
            return GRPCStatus(.unimplemented, "malformed method name: \"\(path)\"")
        }
        let service = String(name[..<slash])
        guard router.hasService(service) else {
            return GRPCStatus(.unimplemented, "unknown service \(service)")
        }
        let method = name[name.index(after: slash)...]
        return GRPCStatus(.unimplemented, "unknown method \(method) for service \(service)")
    }
}
