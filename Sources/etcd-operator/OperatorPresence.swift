import Operator
import Storage

/// Whether an operator is at work on a state directory, as far as its lock file tells. For notes
/// only: it may end or begin at any moment.
struct OperatorPresence {
    /// Nil when none is.
    let processID: Int32?

    init(_ directory: StateDirectory) {
        let bytes = (try? directory.disk.read(directory.root + "/lock", maxSize: 4096)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        let holder = text.split(separator: "\n").first.flatMap { Int32($0) }
        processID = holder.flatMap { OperatorPresence.isOperator($0) ? $0 : nil }
    }

    /// For the standard error beside a table; empty when there is nothing to say.
    func note(_ directory: StateDirectory) -> String {
        guard processID == nil else { return "" }
        return "No operator is running on \(directory.root): this is what the last one saw.\n"
    }

    /// The lock file keeps the id of its last holder, which may by now be any process.
    private static func isOperator(_ id: Int32) -> Bool {
        programPath(of: "\(id)")?.split(separator: "/").last == "etcd-operator"
    }
}
