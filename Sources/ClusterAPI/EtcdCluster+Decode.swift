extension EtcdCluster {
    /// What became of a text: a complete cluster, unless there are errors.
    package struct Decoded: Sendable {
        /// Nil when there is an error.
        package let cluster: EtcdCluster?
        /// In the order of the text, errors and warnings together.
        package let problems: [SpecProblem]

        package var errors: [SpecProblem] { problems.filter { $0.severity == .error } }
        package var warnings: [SpecProblem] { problems.filter { $0.severity == .warning } }
    }

    /// Reads a resource, fills in the defaults and reports every mistake, not only the first.
    ///
    /// - Parameter directory: The absolute path against which relative paths are resolved; nil
    ///   leaves them as they are.
    package static func decode(_ tree: FieldTree, in directory: String? = nil) -> Decoded {
        var reader = ClusterReader(schema: .cluster, tree: tree)
        reader.read()
        reader.resolvePaths(in: directory)
        let problems = reader.sortedProblems()
        let isAccepted = !problems.contains { $0.severity == .error }
        return Decoded(cluster: isAccepted ? reader.cluster : nil, problems: problems)
    }
}

/// One pass over a resource: first where every field stands, then field by field in the schema's
/// order, then the rules between fields.
private struct ClusterReader {
    let schema: Schema
    let tree: FieldTree
    var cluster = EtcdCluster(metadata: Metadata(name: ""))
    private var problems: [SpecProblem] = []
    /// Problems beyond those that are told, and the worst of them.
    private var untold = 0
    private var worst = SpecProblem.Severity.warning
    private var isFull: Bool { problems.count >= 50 }
    private var values: [FieldPath: FieldTree] = [:]
    private var present: Set<FieldPath> = []
    private var marks: [FieldPath: SourceMark] = [:]
    private var faulty: Set<FieldPath> = []

    init(schema: Schema, tree: FieldTree) {
        self.schema = schema
        self.tree = tree
    }

    mutating func read() {
        guard case .map = tree.value else {
            let message =
                "expected a map with apiVersion, kind, metadata and spec, found "
                + tree.kindDescription
            report(.error, FieldPath(), message, tree.mark)
            return
        }
        guard checkKind() else { return }
        visit(tree, at: FieldPath())
        for field in schema.fields { read(field) }
        judge()
    }

    /// Fields of another kind would all look unknown, so nothing else is read after a wrong kind.
    private mutating func checkKind() -> Bool {
        let isVersion = check("apiVersion", is: schema.apiVersion, later: [])
        let isKind = check("kind", is: schema.kind, later: ["EtcdBackup"])
        return isVersion && isKind
    }

    private mutating func check(_ name: String, is expected: String, later: [String]) -> Bool {
        let path = FieldPath([name])
        guard let found = tree[name] else {
            report(.error, path, "is required: \(name): \(expected)", tree.mark)
            return false
        }
        guard found.value != .string(expected) else { return true }
        var message = "expected \(expected), found \(found.kindDescription)"
        if case .string(let word) = found.value {
            if later.contains(word) {
                message = "\(word) is not supported yet by this version of etcd-operator"
            } else {
                message += Suggestion.hint(for: word, among: [expected])
            }
        }
        report(.error, path, message, found.mark)
        return false
    }

    /// Notes where the fields below a group stand, and reports names that do not belong there.
    private mutating func visit(_ group: FieldTree, at path: FieldPath) {
        for field in group.fields {
            let child = path.appending(field.key)
            if path.names.isEmpty, field.key == "apiVersion" || field.key == "kind" { continue }
            marks[child] = field.value.mark ?? field.keyMark
            if let refusal = schema.refusal(child) {
                report(refusal.severity, child, refusal.message, field.keyMark)
            } else if field.value.value == .null {
                // As in Kubernetes, a field without a value is a field that is not there.
                continue
            } else if schema.field(child) != nil {
                values[child] = field.value
                present.insert(child)
            } else if schema.group(child) != nil {
                present.insert(child)
                if case .map = field.value.value {
                    visit(field.value, at: child)
                } else {
                    let names = schema.names(below: child).joined(separator: ", ")
                    let message =
                        "expected a map with \(names); found \(field.value.kindDescription)"
                    report(.error, child, message, field.value.mark)
                }
            } else {
                let message = isFull ? "" : unknown(field.key, below: path)
                report(.error, child, message, field.keyMark)
            }
        }
    }

    private func unknown(_ name: String, below path: FieldPath) -> String {
        var siblings = schema.names(below: path)
        if path.names.isEmpty { siblings = ["apiVersion", "kind"] + siblings }
        if let near = Suggestion.nearest(to: name, among: siblings) {
            return "there is no such field; did you mean \"\(near)\"?"
        }
        if let elsewhere = schema.paths.first(where: { $0.names.last == name }) {
            return "there is no such field here; did you mean \(elsewhere)?"
        }
        return "there is no such field; expected \(siblings.joined(separator: ", "))"
    }

    private mutating func read(_ field: SchemaField) {
        guard let value = values[field.path] else {
            guard field.isRequired else { return }
            let parent = marks[field.path.parent] ?? tree.mark
            report(.error, field.path, "is required: expected \(field.type.expectation)", parent)
            return
        }
        for fault in field.write(&cluster, value) {
            let path = fault.key.map(field.path.appending) ?? field.path
            report(.error, path, fault.message, fault.mark)
            faulty.insert(field.path)
        }
    }

    private mutating func judge() {
        let subject = SpecRule.Subject(cluster: cluster, present: present)
        for rule in schema.rules where faulty.isDisjoint(with: rule.involves) {
            guard let message = rule.judge(subject) else { continue }
            report(rule.severity, rule.path, message, nearestMark(of: rule.path))
        }
    }

    private func nearestMark(of path: FieldPath) -> SourceMark? {
        var path = path
        while !path.names.isEmpty {
            if let mark = marks[path] { return mark }
            path = path.parent
        }
        return tree.mark
    }

    private mutating func report(
        _ severity: SpecProblem.Severity,
        _ path: FieldPath,
        _ message: String,
        _ mark: SourceMark?
    ) {
        if severity == .error { faulty.insert(path) }
        // A text that is all wrong, such as another kind of file, needs no list of everything.
        guard !isFull else {
            untold += 1
            if severity == .error { worst = .error }
            return
        }
        problems.append(
            SpecProblem(severity: severity, path: path.description, message: message, mark: mark)
        )
    }

    mutating func resolvePaths(in directory: String?) {
        guard let directory, case .etcd(let version, let binary) = cluster.spec.engine,
            !binary.isEmpty, !binary.hasPrefix("/")
        else { return }
        cluster.spec.engine = .etcd(version: version, binary: "\(directory)/\(binary)")
    }

    /// In the order of the text; what has no place in it comes first.
    func sortedProblems() -> [SpecProblem] {
        let sorted = problems.enumerated().sorted { left, right in
            let first = left.element.mark ?? SourceMark(line: 0, column: 0)
            let second = right.element.mark ?? SourceMark(line: 0, column: 0)
            return (first, left.offset) < (second, right.offset)
        }.map(\.element)
        guard untold > 0 else { return sorted }
        let message = "there are \(untold) more problems"
        return sorted + [SpecProblem(severity: worst, path: "", message: message, mark: tree.mark)]
    }
}
