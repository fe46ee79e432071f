import ClusterAPI
import Glibc
import Planning
package import Storage
import Synchronization

/// Keeps the catalog of specs up to date with files and directories.
package final class SpecWatcher: Sendable {
    /// Absolute; a directory stands for the specs in it.
    private let paths: [String]
    private let disk: any Disk
    private let watch: DirectoryWatch
    private let catalog: Mutex<SpecCatalog>
    /// An element after each look that changed something.
    let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// How often everything is looked at although no change was reported: not every file system
    /// reports the changes that others make.
    private static let interval = Duration.seconds(5)
    private static let pause = Duration.milliseconds(100)

    package init(
        paths: [String],
        catalog: SpecCatalog,
        events: FileEvents,
        disk: any Disk
    ) throws(OperatorError) {
        self.paths = paths.map(absolutePath)
        self.disk = disk
        self.catalog = Mutex(catalog)
        watch = try DirectoryWatch(events: events)
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The catalog as it is now.
    package var current: SpecCatalog { catalog.withLock { $0 } }

    func forget(_ name: ClusterName) {
        catalog.withLock { $0.forget(name) }
    }

    /// Looks, and looks again whenever something changed, until cancelled.
    package func run() async {
        while !Task.isCancelled {
            let wait = look()
            await watch.bell.wait(atMost: wait)
            // A folder in which much goes on, such as /tmp, is not looked at each time.
            // Cancellation only ends the pause early.
            try? await Task.sleep(for: SpecWatcher.pause)
        }
    }

    /// One look at everything; returns after which time the next must come.
    @discardableResult
    package func look() -> Duration {
        var readings: [String: SpecCatalog.Reading] = [:]
        var folders: [String: FileIdentity] = [:]
        var listed: Set<FileIdentity> = []
        var unreadable: [String: String] = [:]
        for path in paths {
            do throws(DiskError) {
                try look(at: path, &readings, &folders, &listed)
            } catch {
                unreadable[path] = error.kind == .notFound ? "it is not there" : error.description
            }
        }
        let now = monotonicNow()
        let (hasChanged, isSettling) = catalog.withLock { catalog in
            let before = (catalog.clusters, catalog.problems, catalog.missingNames)
            catalog.look(readings, in: folders, unreadable: unreadable, at: now)
            let after = (catalog.clusters, catalog.problems, catalog.missingNames)
            return (before != after, catalog.isSettling)
        }
        if hasChanged { changed.yield() }
        return isSettling ? .milliseconds(100) : SpecWatcher.interval
    }

    /// Throws `.notFound` for a place that is out of reach: a folder that vanished, with its files.
    /// A file that vanished from its folder is a fact.
    private func look(
        at path: String,
        _ readings: inout [String: SpecCatalog.Reading],
        _ folders: inout [String: FileIdentity],
        _ listed: inout Set<FileIdentity>
    ) throws(DiskError) {
        let status = try disk.status(path)
        guard let status, status.isDirectory else {
            _ = watch.add(path.parent)
            let isFile = status != nil || SpecFile.isSpec(path.lastComponent)
            guard isFile, let folder = try disk.status(path.parent) else {
                throw DiskError(errno: ENOENT, "find", path)
            }
            folders[path] = folder.identity
            return read(path, into: &readings)
        }
        _ = watch.add(path)
        // One folder may be named in two ways; its files are declared once.
        guard listed.insert(status.identity).inserted else { return }
        for name in try disk.list(path) where SpecFile.isSpec(name) {
            read("\(path)/\(name)", into: &readings)
        }
        folders[path] = status.identity
    }

    private func read(_ path: String, into readings: inout [String: SpecCatalog.Reading]) {
        do throws(DiskError) {
            // A link is followed; one to a directory is none of ours.
            guard let status = try disk.status(path), !status.isDirectory else { return }
            let bytes = try disk.read(path, maxSize: 1 << 20)
            // A time in the far future, or past, is as good as none.
            let (age, overflow) = wallNanoseconds().subtractingReportingOverflow(status.modified)
            readings[path] = .content(bytes, age: overflow ? .zero : .nanoseconds(age))
        } catch {
            // It vanished between two calls: the next look knows.
            if error.kind != .notFound { readings[path] = .unreadable(error.description) }
        }
    }
}

extension FileStatus {
    var identity: FileIdentity { FileIdentity(device: device, inode: inode) }
}

extension String {
    var lastComponent: String {
        split(separator: "/").last.map(String.init) ?? self
    }
}
