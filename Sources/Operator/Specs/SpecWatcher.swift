import ClusterAPI
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
        }
    }

    /// One look at everything; returns after which time the next must come.
    func look() -> Duration {
        var readings: [String: SpecCatalog.Reading] = [:]
        var unreadable: [String: String] = [:]
        for path in paths {
            do throws(DiskError) {
                guard let status = try disk.status(path) else {
                    // A vanished file is a fact; a vanished directory is a place out of reach.
                    if !SpecFile.isSpec(path.lastComponent) { unreadable[path] = "it is not there" }
                    _ = watch.add(path.parent)
                    continue
                }
                if status.isDirectory {
                    _ = watch.add(path)
                    for name in try disk.list(path) where SpecFile.isSpec(name) {
                        read("\(path)/\(name)", into: &readings)
                    }
                } else {
                    _ = watch.add(path.parent)
                    read(path, into: &readings)
                }
            } catch {
                unreadable[path] = error.description
            }
        }
        let now = monotonicNow()
        let (hasChanged, isSettling) = catalog.withLock { catalog in
            let before = (catalog.clusters, catalog.problems, catalog.missingNames)
            catalog.look(readings, unreadable: unreadable, at: now)
            let after = (catalog.clusters, catalog.problems, catalog.missingNames)
            return (before != after, catalog.isSettling)
        }
        if hasChanged { changed.yield() }
        return isSettling ? .milliseconds(100) : SpecWatcher.interval
    }

    private func read(_ path: String, into readings: inout [String: SpecCatalog.Reading]) {
        do throws(DiskError) {
            // A link is followed; one to a directory is none of ours.
            guard let status = try disk.status(path), !status.isDirectory else { return }
            let bytes = try disk.read(path, maxSize: 1 << 20)
            let age = wallNanoseconds() - status.modified
            readings[path] = .content(bytes, age: .nanoseconds(age))
        } catch {
            // It vanished between two calls: the next look knows.
            if error.kind != .notFound { readings[path] = .unreadable(error.description) }
        }
    }
}

extension String {
    var lastComponent: String {
        split(separator: "/").last.map(String.init) ?? self
    }
}
