/// The file `retired` in a data directory: no member ever starts from there again.
///
/// The data of a cluster that was rebuilt lives on elsewhere, and a member that comes back with
/// what it knew before would be a second cluster of the same name. So its directory is kept, for
/// people to look into, and stamped. The file is text, a line for each thing, and may be written by
/// hand:
///
///     why: the majority of default/orders is lost; it was rebuilt from orders-1
///     when: 2026-11-22T10:15:00Z
///     incarnation: cluster 5c1f0f3c2d6e9a44
///
/// A stamp counts by being there: one that is empty, or has other lines, forbids the start all the
/// same.
package struct RetiredStamp: Hashable, Sendable {
    /// Why nothing may start here.
    package let why: String
    /// When it was stamped, in RFC 3339's form; empty when the file does not say.
    package let when: String
    /// Whose data take the place of these: the cluster that lives on; empty when the file does not
    /// say.
    package let incarnation: String

    package static let name = "retired"

    package init(why: String, when: String, incarnation: String) {
        self.why = why
        self.when = when
        self.incarnation = incarnation
    }

    /// Stamps a directory. Durable when it returns. A directory keeps the stamp that it has, which
    /// says when and why its data went out of use.
    package func write(toDataDirectory path: String, on disk: any Disk) throws(DiskError) {
        let file = Path.join(Path.withoutTrailingSlash(path), Self.name)
        if try disk.status(file) != nil { return }
        try disk.replace(file, with: Array(text.utf8))
    }

    /// The stamp of a directory; nil when it has none.
    package static func read(
        fromDataDirectory path: String,
        on disk: any Disk
    ) throws(DiskError) -> RetiredStamp? {
        let file = Path.join(Path.withoutTrailingSlash(path), name)
        guard let status = try disk.status(file) else { return nil }
        // Whatever took the name, it means the same.
        guard !status.isDirectory, status.size <= bytesMax else {
            return RetiredStamp(text: "")
        }
        return RetiredStamp(text: String(decoding: try disk.read(file), as: UTF8.self))
    }

    private static let bytesMax: Int64 = 64 << 10

    private var text: String {
        [("why", why), ("when", when), ("incarnation", incarnation)]
            .map { "\($0.0): \(String($0.1.map { $0.isNewline ? " " : $0 }))\n" }.joined()
    }

    private init(text: String) {
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            values[String(line[..<colon])] = String(value)
        }
        let first = text.split(whereSeparator: \.isNewline).first.map(String.init)
        why = values["why"] ?? first ?? "the stamp does not say why"
        when = values["when"] ?? ""
        incarnation = values["incarnation"] ?? ""
    }
}
