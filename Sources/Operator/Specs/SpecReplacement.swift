import Glibc
import Storage

/// The replacement of a user's file by a new text, in one step: whoever reads it finds the old text
/// or the new one, whole. A symbolic link is followed, so that it stays one; mode and owner stay.
package struct SpecReplacement {
    /// Where the links lead.
    private let target: String
    private let info: stat
    /// What the new text was made from.
    package let text: [UInt8]

    /// Reads the file that is to be replaced.
    package init(of path: String) throws(OperatorError) {
        guard let target = realPath(path) else {
            throw OperatorError(.notFound, "it is not there: \(systemMessage(errno))", at: path)
        }
        var info = stat()
        guard unsafe stat(target, &info) == 0 else {
            throw SpecReplacement.failure("inspect", target)
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw OperatorError(.refused, "it is no regular file", at: target)
        }
        guard info.st_nlink == 1 else {
            throw OperatorError(
                .refused,
                "it has another name (a hard link), which would keep the old text",
                at: target,
                remedy: "edit it by hand"
            )
        }
        self.target = target
        self.info = info
        text = try SpecReplacement.read(target)
    }

    /// Puts the new text there, durably; refused when somebody has changed the file meanwhile.
    package func write(_ bytes: [UInt8]) throws(OperatorError) {
        // No spec has a name with a dot in front, so nobody takes it for one.
        let name = "\(target.parent)/.\(target.lastComponent).XXXXXX"
        var template = Array(name.utf8CString)
        let descriptor = unsafe mkstemp(&template)
        guard descriptor >= 0 else {
            throw SpecReplacement.failure("make a file beside it", target)
        }
        let temporary = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
        do throws(OperatorError) {
            defer { close(descriptor) }
            try fill(descriptor, bytes)
            guard try SpecReplacement.read(target) == text else {
                throw OperatorError(
                    .refused,
                    "somebody has changed it in this moment",
                    at: target,
                    remedy: "try again"
                )
            }
            guard unsafe rename(temporary, target) == 0 else {
                throw SpecReplacement.failure("replace it", target)
            }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        do throws(DiskError) {
            try FileDisk().syncDirectory(target.parent)
        } catch {
            throw OperatorError(state: error)
        }
    }

    /// Owner first: a change of it takes bits of the mode away.
    private func fill(_ descriptor: Int32, _ bytes: [UInt8]) throws(OperatorError) {
        var own = stat()
        guard unsafe fstat(descriptor, &own) == 0 else {
            throw SpecReplacement.failure("inspect", target)
        }
        if own.st_uid != info.st_uid || own.st_gid != info.st_gid {
            guard fchown(descriptor, info.st_uid, info.st_gid) == 0 else {
                throw SpecReplacement.failure("keep its owner", target)
            }
        }
        guard fchmod(descriptor, info.st_mode & 0o7777) == 0 else {
            throw SpecReplacement.failure("keep its mode", target)
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SpecReplacement.failure("write", target) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw SpecReplacement.failure("sync", target) }
    }

    private static func read(_ path: String) throws(OperatorError) -> [UInt8] {
        do throws(DiskError) {
            return try FileDisk().read(path, maxSize: 1 << 20)
        } catch {
            throw OperatorError(.state, "cannot be read: \(error.reason)", at: path)
        }
    }

    private static func failure(_ what: String, _ path: String) -> OperatorError {
        OperatorError(.state, "cannot \(what): \(systemMessage(errno))", at: path)
    }
}
