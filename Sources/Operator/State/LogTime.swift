package import ClusterAPI
import Glibc

extension Timestamp {
    /// The time at which a line of a member's log was written; nil when it does not say. Known are
    /// the forms of our members and of etcd's releases:
    ///
    ///     2026-11-22T10:15:00.125Z info ready to serve client requests
    ///     {"level":"info","ts":"2026-11-22T11:15:00.125+0100","caller":...
    ///     2026-11-22 11:15:00.125103 I | etcdserver: published ...       (local time)
    package init?(logLine line: some Collection<UInt8>) {
        let start = String(decoding: line.prefix(96), as: UTF8.self)
        var text = start[...]
        if text.hasPrefix("{") {
            guard let field = text.firstRange(of: "\"ts\":\"") else { return nil }
            text = text[field.upperBound...]
        }
        let day = text.prefix(10)
        text = text.dropFirst(10)
        guard let separator = text.popFirst(), separator == "T" || separator == " " else {
            return nil
        }
        let time = text.prefix { $0.isASCII && ($0.isNumber || $0 == ":" || $0 == ".") }
        var zone = text.dropFirst(time.count).prefix { "Z+-:0123456789".contains($0) }
        if zone.count == 5, zone.first != "Z" {
            zone.insert(":", at: zone.index(zone.startIndex, offsetBy: 3))
        }
        guard let found = Timestamp("\(day)T\(time)\(zone.isEmpty ? "Z" : zone)") else {
            return nil
        }
        self = zone.isEmpty ? found.readAsLocal : found
    }

    /// The moment at which a clock of this place, and not of Greenwich, showed this time.
    private var readAsLocal: Timestamp {
        var wall = time_t(seconds)
        var parts = unsafe tm()
        guard unsafe gmtime_r(&wall, &parts) != nil else { return self }
        unsafe parts.tm_isdst = -1
        return Timestamp(seconds: Int64(unsafe mktime(&parts)), nanoseconds: nanoseconds)
    }
}
