/// The header blocks with which calls are answered.
extension HeaderList {
    static let okHeaders: HeaderList = [
        ":status": "200", "content-type": "application/grpc",
    ]

    static let okTrailers: HeaderList = ["grpc-status": "0", "grpc-message": ""]

    static func trailers(_ status: GRPCStatus, _ metadata: Metadata) -> HeaderList {
        var list = HeaderList()
        list.add("grpc-status", String(status.code.rawValue))
        list.add("grpc-message", PercentEncoding.encode(status.message))
        if status.code == .unimplemented { list.add("grpc-accept-encoding", "identity") }
        list.add(metadata)
        return list
    }

    static func onlyTrailers(
        http: String = "200",
        _ status: GRPCStatus,
        _ metadata: Metadata
    ) -> HeaderList {
        var list = [":status": http, "content-type": "application/grpc"] as HeaderList
        list.add(trailers(status, metadata))
        return list
    }
}
