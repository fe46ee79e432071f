import Storage

/// What may end the members together with the operator: the unit of systemd or the container that
/// it runs in. Members have sessions of their own, but leave neither.
package struct Surroundings: Hashable, Sendable {
    /// The service of systemd, such as `etcd-operator.service`.
    let unit: String?
    /// Nil when its files cannot be found.
    let settings: UnitSettings?
    /// The container ends when this process does.
    let endsContainer: Bool

    /// Those of this process.
    package init() {
        let marks = ["/.dockerenv", "/run/.containerenv"]
        let isContainer =
            marks.contains { realPath($0) != nil }
            || environment("container") != nil || environment("KUBERNETES_SERVICE_HOST") != nil
        self.init(
            cgroup: ProcFile.text("/proc/self/cgroup") ?? "",
            status: ProcFile.text("/proc/self/status") ?? "",
            isContainer: isContainer,
            ownFolders: [
                "\(environment("HOME") ?? "")/.config/systemd/user",
                "/run/user/\(effectiveUser())/systemd/transient",
            ],
            files: { folder in
                let names = (try? FileDisk().list(folder)) ?? []
                return names.sorted().map { "\(folder)/\($0)" }
            },
            text: ProcFile.text
        )
    }

    /// - Parameters:
    ///   - cgroup: As in cgroups(7): a line for each hierarchy, the path after its second colon.
    ///   - status: As in proc(5), for the process and its parent.
    ///   - isContainer: Whether something says that this is one.
    ///   - ownFolders: Where services of this user's own have their files.
    ///   - files: The files in a directory; none when it is not there.
    ///   - text: What a file says, nil when there is none.
    package init(
        cgroup: String,
        status: String,
        isContainer: Bool,
        ownFolders: [String],
        files: (String) -> [String],
        text: (String) -> String?
    ) {
        unit = Surroundings.unit(cgroup)
        settings = unit.flatMap { unit in
            let folders =
                cgroup.contains("/user@")
                ? ownFolders + Self.folders("user") : Self.folders("system")
            return UnitSettings(of: unit, in: folders, files: files, text: text)
        }
        let numbers = ["Pid:", "PPid:", "NSsid:"].map { Surroundings.number($0, in: status) }
        // A child in the session of the main process is what a small init or a shell waits for;
        // one that lost its parent has another session.
        endsContainer = numbers[0] == 1 || (isContainer && numbers[1] == 1 && numbers[2] == 1)
    }

    /// What to tell whoever starts an operator here; empty when members outlive it.
    package var warnings: [String] {
        var warnings: [String] = []
        if endsContainer {
            warnings.append(
                "the members end with this container, which ends with the operator; to have them "
                    + "outlive it, run it outside, or in a container that has another main process"
            )
        }
        guard let unit else { return warnings }
        guard let settings else {
            return warnings + [
                "the files of \(unit) were not found, so see for yourself that it says "
                    + "KillMode=process; else members end with the operator"
            ]
        }
        if settings.endsMembers {
            warnings.append(
                "\(unit) ends the members with the operator (KillMode=\(settings.killMode)); "
                    + "set KillMode=process in it, as Manifests/systemd/etcd-operator.service does"
            )
        }
        if settings.outOfMemoryPolicy != "continue" {
            let who =
                settings.outOfMemoryPolicy == "kill"
                ? "every member and the operator" : "the operator"
            warnings.append(
                "\(unit) ends \(who) when one member runs out of memory "
                    + "(OOMPolicy=\(settings.outOfMemoryPolicy)); set OOMPolicy=continue in it"
            )
        }
        return warnings
    }

    /// Those in which systemd looks first come first.
    private static func folders(_ kind: String) -> [String] {
        [
            "/etc/systemd/\(kind)", "/run/systemd/transient", "/run/systemd/\(kind)",
            "/usr/local/lib/systemd/\(kind)", "/usr/lib/systemd/\(kind)", "/lib/systemd/\(kind)",
        ]
    }

    /// The innermost service; the one that holds a user's session is no one's own.
    private static func unit(_ cgroup: String) -> String? {
        let lines = cgroup.split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(
                String.init
            )
        }
        let paths = lines.filter { $0.count == 3 && ["", "name=systemd"].contains($0[1]) }
        for path in paths.map({ $0[2].split(separator: "/") }) {
            let units = path.filter { $0.hasSuffix(".service") || $0.hasSuffix(".scope") }
            guard let last = units.last else { continue }
            let isService = last.hasSuffix(".service") && !last.hasPrefix("user@")
            return isService ? String(last) : nil
        }
        return nil
    }

    private static func number(_ name: String, in status: String) -> Int? {
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) }
    }
}

/// What the files of a service say about the end of its processes, as systemd.unit(5) reads them:
/// the first file of the unit's name, then every file of its drop-in directories; the last word
/// counts.
struct UnitSettings: Hashable, Sendable {
    private(set) var killMode = "control-group"
    private var policy = ""
    private var isDelegated = false

    /// systemd's own default depends on another setting.
    var outOfMemoryPolicy: String {
        policy.isEmpty ? (isDelegated ? "continue" : "stop") : policy
    }

    var endsMembers: Bool { killMode == "control-group" || killMode == "mixed" }

    /// Nil when the unit has no file where files of units are.
    init?(
        of unit: String,
        in folders: [String],
        files: (String) -> [String],
        text: (String) -> String?
    ) {
        // An instance of a template, `etcd-operator@a.service`, has the template's file.
        let template = unit.split(separator: "@").count == 2 ? unit.template : unit
        let names = template == unit ? [unit] : [unit, template]
        let mains = names.flatMap { name in folders.map { "\($0)/\(name)" } }
        guard let main = mains.lazy.compactMap(text).first else { return nil }
        read(main)
        for folder in folders.reversed() {
            for name in names.reversed() {
                files("\(folder)/\(name).d").filter { $0.hasSuffix(".conf") }
                    .compactMap(text).forEach { read($0) }
            }
        }
    }

    private mutating func read(_ text: String) {
        var section = ""
        for line in text.split(separator: "\n").map({ $0.trimmed }) {
            if line.hasPrefix("[") { section = line }
            let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard section == "[Service]", sides.count == 2 else { continue }
            let value = sides[1].trimmed
            switch sides[0].trimmed {
            case "KillMode": killMode = value.isEmpty ? "control-group" : value
            case "OOMPolicy": policy = value
            case "Delegate": isDelegated = !["", "no", "false", "off", "0"].contains(value)
            default: break
            }
        }
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(
            drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
        )
    }
}

extension String {
    /// `a@.service` of `a@b.service`.
    fileprivate var template: String {
        "\(prefix { $0 != "@" })@.service"
    }
}
