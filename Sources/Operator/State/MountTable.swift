/// Which file systems the machine should have mounted, and which it has.
package struct MountTable: Sendable {
    private let wanted: [String]
    private let mounted: [String]

    /// The machine's own. What cannot be read names nothing.
    package init() {
        self.init(
            fstab: ProcFile.text("/etc/fstab") ?? "",
            mountinfo: ProcFile.text("/proc/self/mountinfo") ?? ""
        )
    }

    /// - Parameters:
    ///   - fstab: As in fstab(5): device, mount point, type, options.
    ///   - mountinfo: As in proc(5): the fifth field is the mount point.
    package init(fstab: String, mountinfo: String) {
        wanted = MountTable.fields(of: fstab).compactMap { fields in
            fields.count > 1 && fields[1].hasPrefix("/") && !fields[0].hasPrefix("#")
                ? fields[1] : nil
        }
        mounted = MountTable.fields(of: mountinfo).compactMap { $0.count > 4 ? $0[4] : nil }
    }

    /// The mount point at or above a path, below the root, whose file system is not mounted.
    package func missing(for path: String) -> String? {
        wanted.first { point in
            point != "/" && (path + "/").hasPrefix(point + "/") && !mounted.contains(point)
        }
    }

    /// Blanks in a path are written as octal numbers.
    private static func fields(of text: String) -> [[String]] {
        text.split(separator: "\n").map { line in
            line.split(whereSeparator: \.isWhitespace).map {
                String($0).replacing("\\040", with: " ").replacing("\\011", with: "\t")
            }
        }
    }
}
