package import ClusterAPI
package import Planning

/// What is declared now, from all that was read until now. Pure: files and time come in.
///
/// The rule behind every case is that nothing but a complete, stable and correct text changes
/// what is accepted (safety rules 10 and 37).
package struct SpecCatalog: Sendable {
    /// A file as one look at the disk found it.
    package enum Reading: Hashable, Sendable {
        /// `age`: since the file's last change, by the machine's clock.
        case content([UInt8], age: Duration)
        /// It exists and cannot be read.
        case unreadable(String)
    }

    /// An accepted declaration.
    package struct Declared: Hashable, Sendable {
        package let cluster: EtcdCluster
        package let file: String
        /// The folder of the file when it was read last.
        package let folder: FileIdentity?
    }

    /// How long a text must have been as it is.
    package static let settling = Duration.milliseconds(500)
    /// Vanishings within this time count as one event.
    private static let together = Duration.seconds(600)

    private struct Candidate {
        var bytes: [UInt8]
        var since: Duration
    }

    private var candidates: [String: Candidate] = [:]
    private var files: [String: SpecFile] = [:]
    private var texts: [String: [UInt8]] = [:]
    private var declared: [ClusterName: Declared] = [:]
    private var vanishedAt: [ClusterName: Duration] = [:]
    private var unreadable: [String: String] = [:]
    /// Files that are there and cannot be read.
    private var closed: Set<String> = []
    /// What is watched: the file, or the folder for all files in it.
    private var folders: [String: FileIdentity] = [:]
    /// Names with more than one declaration, and what is wrong with that.
    private var doubled: [ClusterName: String] = [:]
    /// Mistakes as they stand, one text each, in the order of the files.
    package private(set) var problems: [String] = []
    /// True while some text has not settled, so that it should be looked at again soon.
    package private(set) var isSettling = false

    package init() {}

    package var clusters: [Declared] {
        declared.keys.sorted().compactMap { declared[$0] }
    }

    /// Takes one look at all files. A folder that could not be listed is named in `unreadable`;
    /// what was read from it before stays.
    ///
    /// - Parameter folders: For each folder that was listed, and each file that was looked for by
    ///   its name, the folder in which that was done.
    package mutating func look(
        _ readings: [String: Reading],
        in folders: [String: FileIdentity],
        unreadable: [String: String],
        at now: Duration
    ) {
        self.unreadable = unreadable
        self.folders = folders
        closed = []
        isSettling = false
        for path in Set(candidates.keys).union(files.keys).sorted() where readings[path] == nil {
            if isOutOfReach(path) { continue }
            candidates[path] = nil
            files[path] = nil
            texts[path] = nil
        }
        var broken: [String] = []
        for (path, reading) in readings.sorted(by: { $0.key < $1.key }) {
            switch reading {
            case .unreadable(let why):
                broken.append("\(path): error: \(why)")
                closed.insert(path)
            case .content(let bytes, let age):
                settle(path, bytes, age, now)
            }
        }
        decide(
            now,
            broken + unreadable.sorted { $0.key < $1.key }.map { "\($0.key): error: \($0.value)" }
        )
    }

    /// Parses a text once it has been the same for long enough.
    private mutating func settle(_ path: String, _ bytes: [UInt8], _ age: Duration, _ now: Duration)
    {
        if texts[path] == bytes {
            candidates[path] = nil
            return
        }
        let since: Duration
        if let candidate = candidates[path], candidate.bytes == bytes {
            since = candidate.since
        } else {
            // The file's own time counts for what was there before we came, but never on its own:
            // a text is taken only when a second look finds it the same.
            since = max(.zero, now - max(.zero, min(age, SpecCatalog.settling)))
            candidates[path] = Candidate(bytes: bytes, since: since)
            isSettling = true
            return
        }
        guard now - since >= SpecCatalog.settling else {
            isSettling = true
            return
        }
        candidates[path] = nil
        texts[path] = bytes
        files[path] = SpecFile(path: path, bytes: bytes)
    }

    /// Who is declared, by which file, and what is wrong.
    private mutating func decide(_ now: Duration, _ broken: [String]) {
        problems = broken
        doubled = [:]
        var claims: [ClusterName: [Declared]] = [:]
        for file in files.keys.sorted().compactMap({ files[$0] }) {
            problems += file.errors
            for cluster in file.clusters {
                claims[cluster.name, default: []].append(
                    Declared(
                        cluster: cluster,
                        file: file.path,
                        folder: folder(of: file.path) ?? declared[cluster.name]?.folder
                    )
                )
            }
        }
        for (name, claimants) in claims.sorted(by: { $0.key < $1.key }) {
            vanishedAt[name] = nil
            if claimants.count == 1 {
                declared[name] = claimants[0]
            } else {
                let paths = claimants.map(\.file).joined(separator: " and ")
                let problem = "error: cluster \(name) is declared in \(paths); neither is used"
                doubled[name] = problem
                problems.append(problem)
            }
        }
        for (name, old) in declared where claims[name] == nil {
            let isKnown = vanishedAt[name] != nil
            if isUncertain(old.file), !isKnown { continue }
            // Only an absence that was seen without a break counts.
            if !isKnown || !isSeenToBeAbsent(old) { vanishedAt[name] = now }
        }
    }

    /// A file that is broken, unsettled or out of reach may still mean to declare what it did.
    private func isUncertain(_ file: String) -> Bool {
        files[file]?.errors.isEmpty == false || candidates[file] != nil || closed.contains(file)
            || isOutOfReach(file)
    }

    /// The place of the declaration is watched, is the folder that it was, and does not declare it.
    private func isSeenToBeAbsent(_ old: Declared) -> Bool {
        guard !isUncertain(old.file), let folder = folder(of: old.file) else { return false }
        return folder == old.folder
    }

    private func folder(of file: String) -> FileIdentity? {
        folders[file] ?? folders[file.parent]
    }

    /// Declares a cluster that an earlier operator accepted, until a file says otherwise.
    package mutating func remember(
        _ cluster: EtcdCluster,
        from file: String,
        in folder: FileIdentity?,
        at now: Duration
    ) {
        guard declared[cluster.name] == nil else { return }
        declared[cluster.name] = Declared(cluster: cluster, file: file, folder: folder)
        vanishedAt[cluster.name] = now
    }

    /// Forgets a cluster that was deleted; a file that still declares it counts again.
    package mutating func forget(_ name: ClusterName) {
        vanishedAt[name] = nil
        guard let file = declared.removeValue(forKey: name)?.file else { return }
        texts[file] = nil
        files[file] = nil
    }

    /// What is wrong with the text that would change a declared cluster; nil when nothing is.
    package func rejection(_ name: ClusterName) -> String? {
        guard let file = declared[name]?.file else { return nil }
        let errors = files[file]?.errors ?? []
        if let first = errors.first { return first.split(separator: "\n").first.map(String.init) }
        return doubled[name]
    }

    /// Why nobody can tell whether the cluster is still declared; nil when its file's place can be
    /// read.
    package func outOfReach(_ name: ClusterName) -> String? {
        guard vanishedAt[name] == nil, let file = declared[name]?.file else { return nil }
        return [file, file.parent].lazy.compactMap { path in
            self.unreadable[path].map { "\(path): \($0)" }
        }.first
    }

    /// The clusters that no file declares any more, in order.
    package var missingNames: [ClusterName] { vanishedAt.keys.sorted() }

    /// Set while no file declares the cluster.
    package func missing(_ name: ClusterName, at now: Duration) -> SpecMissing? {
        guard let since = vanishedAt[name], let old = declared[name] else { return nil }
        let near = vanishedAt.values.filter { other in
            (other > since ? other - since : since - other) < SpecCatalog.together
        }
        return SpecMissing(
            lasting: now - since,
            sourceReadable: isSeenToBeAbsent(old),
            vanishedTogether: near.count
        )
    }

    private func isOutOfReach(_ file: String) -> Bool {
        unreadable[file] != nil || unreadable[file.parent] != nil
    }
}
