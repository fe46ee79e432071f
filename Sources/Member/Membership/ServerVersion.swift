/// A version as etcd writes it: `major.minor.patch`, optionally with a `-suffix` that does not
/// count in comparisons here.
package struct ServerVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let major: UInt32
    package let minor: UInt32
    package let patch: UInt32

    package init(major: UInt32, minor: UInt32, patch: UInt32 = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads `3.6.1`, `3.6.1-rc.0` or `3.6.1+meta`; nil for anything else, `not_decided` included.
    package init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let core = text.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var numbers: [UInt32] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(part)
            else { return nil }
            numbers.append(number)
        }
        self.init(major: numbers[0], minor: numbers[1], patch: numbers[2])
    }

    /// From here on a store says of which version its schema is.
    package static let firstWithSchema = ServerVersion(major: 3, minor: 6)

    /// What a cluster version keeps of a server version.
    package var withoutPatch: ServerVersion {
        ServerVersion(major: major, minor: minor)
    }

    package var description: String {
        "\(major).\(minor).\(patch)"
    }

    package static func < (left: ServerVersion, right: ServerVersion) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }
}
