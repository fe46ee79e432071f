import ClusterAPI

/// One command to a running operator: one line of JSON, answered by one line of JSON.
struct ControlRequest: Hashable, Sendable, Codable {
    var command: ClusterCommand
    var namespace: String
    var name: String
}

/// Without an error it is done.
struct ControlReply: Hashable, Sendable, Codable {
    struct Failure: Hashable, Sendable, Codable {
        var code: String
        var what: String
        var place: String
        var remedy: String
    }

    var failure: Failure?

    /// The error that the operator answered, as if it had happened here.
    func check() throws(OperatorError) {
        guard let failure else { return }
        throw OperatorError(
            OperatorError.Code(rawValue: failure.code) ?? .control,
            failure.what,
            at: failure.place,
            remedy: failure.remedy
        )
    }
}

extension ControlReply.Failure {
    init(_ error: OperatorError) {
        self.init(
            code: error.code.rawValue,
            what: error.what,
            place: error.place,
            remedy: error.remedy
        )
    }
}

/// Where the socket is.
enum ControlSocket {
    /// Of `sun_path`, with its final zero.
    private static let maxLength = 107

    /// In the state directory, or where that path is too long for a socket below a folder of this
    /// user for things that live as long as a login.
    static func path(for root: String) -> String {
        let path = root + "/operator.sock"
        if path.utf8.count <= maxLength { return path }
        let base = environment("XDG_RUNTIME_DIR") ?? "/tmp/etcd-operator-\(effectiveUser())"
        // FNV-1a of the root: short, and the same in every process.
        let hash = root.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
        }
        return "\(base)/etcd-operator-\(String(hash, radix: 16)).sock"
    }
}
