import Glibc

/// The machine's file system.
package struct FileDisk: Disk {
    package init() {}

    package func createDirectory(_ path: String) throws(DiskError) {
        let path = Path.withoutTrailingSlash(path)
        if let status = try status(path) {
            guard status.isDirectory else {
                throw DiskError(errno: EEXIST, "create directory", path)
            }
            return
        }
        let parent = Path.parent(of: path)
        if parent != path {
            try createDirectory(parent)
        }
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw DiskError(errno: errno, "create directory", path)
        }
        try syncDirectory(parent)
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = unsafe opendir(directory) else {
            throw DiskError(errno: errno, "list", directory)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." {
                names.append(name)
            }
        }
        guard errno == 0 else { throw DiskError(errno: errno, "list", directory) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func status(_ path: String) throws(DiskError) -> FileStatus? {
        var info = stat()
        guard unsafe stat(path, &info) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw DiskError(errno: errno, "inspect", path)
        }
        return FileStatus(
            size: Int64(info.st_size),
            isDirectory: info.st_mode & S_IFMT == S_IFDIR,
            device: UInt64(info.st_dev),
            inode: UInt64(info.st_ino),
            modified: FileDisk.nanoseconds(info.st_mtim)
        )
    }

    /// The nearest that can be said of a time that nanoseconds cannot tell, from the year 2262 on.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (whole, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return time.tv_sec < 0 ? .min : .max }
        let (sum, isTooMuch) = whole.addingReportingOverflow(Int64(time.tv_nsec))
        return isTooMuch ? .max : sum
    }

    package func open(
        _ path: String,
        _ mode: OpenMode,
        permissions: UInt16
    ) throws(DiskError) -> any DiskFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .write: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .createOrOpen: O_RDWR | O_CREAT
            }
        return FileHandle(try descriptor(path, flags, permissions, "open"), path: path)
    }

    package func rename(_ from: String, to: String) throws(DiskError) {
        guard unsafe Glibc.rename(from, to) == 0 else {
            throw DiskError(errno: errno, "rename to \(to)", from)
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        guard unsafe Glibc.remove(path) == 0 else { throw DiskError(errno: errno, "remove", path) }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let directory = try descriptor(path, O_RDONLY | O_DIRECTORY, 0, "open directory")
        defer { Glibc.close(directory) }
        while fsync(directory) != 0 {
            guard errno == EINTR else { throw DiskError(errno: errno, "sync directory", path) }
        }
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let file = FileHandle(
            try descriptor(path, O_RDWR | O_CREAT, 0o600, "open the lock file"),
            path: path
        )
        try file.lockExclusively()
        return file
    }

    package func freeSpace(_ path: String) throws(DiskError) -> Int64 {
        var info = statvfs()
        while unsafe statvfs(path, &info) != 0 {
            guard errno == EINTR else { throw DiskError(errno: errno, "measure", path) }
        }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(
            by: UInt64(info.f_frsize)
        )
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// An open descriptor that child processes do not inherit.
    private func descriptor(
        _ path: String,
        _ flags: Int32,
        _ permissions: UInt16,
        _ operation: String
    ) throws(DiskError) -> Int32 {
        while true {
            let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode_t(permissions))
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw DiskError(errno: errno, operation, path) }
        }
    }
}
