/// What the cluster has decided about lowering its version: the record `downgrade` of the bucket
/// `cluster`.
package struct Downgrade: Hashable, Sendable {
    package let isEnabled: Bool
    /// Such as `3.5.0`; empty after a cancellation.
    package let target: String

    package init(isEnabled: Bool, target: String) {
        self.isEnabled = isEnabled
        self.target = target
    }

    /// `{"target-version":"3.5.0","enabled":true}`, the names under which etcd keeps it.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.field("target-version", target)
        writer.field("enabled", isEnabled)
        return writer.finished()
    }

    init(json bytes: [UInt8]) throws(JSONError) {
        let value = try JSONValue(parsing: bytes)
        target = try value.text("target-version")
        isEnabled = try value.flag("enabled")
    }
}
