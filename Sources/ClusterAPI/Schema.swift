/// A resource's fields and rules as data.
///
/// One table serves reading (`EtcdCluster.decode(_:)`), writing (`EtcdCluster.tree`), the
/// `explain` command, the CustomResourceDefinition that an API server reads, and whatever else must
/// agree with them about what a field is.
package struct Schema: Sendable {
    /// A field that holds other fields.
    package struct Group: Sendable {
        package let path: FieldPath
        package let summary: String
        /// One of several of which at most one may be there. All other groups are there by
        /// default, with the defaults of their fields.
        let isAlternative: Bool

        init(_ path: String, isAlternative: Bool = false, _ summary: String) {
            self.path = FieldPath(parsing: path)
            self.summary = summary
            self.isAlternative = isAlternative
        }
    }

    /// A field that is known, and not accepted.
    package struct Refusal: Sendable {
        package let path: FieldPath
        let severity: SpecProblem.Severity
        package let message: String

        /// Part of the resource's design, without effect in this version.
        static func later(_ paths: String...) -> [Refusal] {
            paths.map {
                Refusal(
                    path: FieldPath(parsing: $0),
                    severity: .error,
                    message: "not supported yet by this version of etcd-operator; remove it"
                )
            }
        }

        /// Written by the operator or an API server, so that a printed resource can be read back.
        static func written(_ paths: String...) -> [Refusal] {
            paths.map {
                Refusal(
                    path: FieldPath(parsing: $0),
                    severity: .warning,
                    message: "is set by the operator; what the file says is not used"
                )
            }
        }
    }

    package let kind: String
    package let apiVersion: String
    package let groups: [Group]
    /// In the order in which they are read and written.
    package let fields: [SchemaField]
    package let refusals: [Refusal]
    let rules: [SpecRule]
    /// What the operator writes.
    package let status: [StatusField]

    package func field(_ path: FieldPath) -> SchemaField? {
        fields.first { $0.path == path }
    }

    package func statusField(_ path: FieldPath) -> StatusField? {
        status.first { $0.path == path }
    }

    package func group(_ path: FieldPath) -> Group? {
        groups.first { $0.path == path }
    }

    func refusal(_ path: FieldPath) -> Refusal? {
        refusals.first { $0.path == path }
    }

    /// The names that may stand directly below a group, in the schema's order.
    package func names(below path: FieldPath) -> [String] {
        let depth = path.names.count
        var names: [String] = []
        for field in fields where field.path.isBelow(path) {
            let name = field.path.names[depth]
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// Every path a user may name: groups and fields.
    package var paths: [FieldPath] { groups.map(\.path) + fields.map(\.path) }

    /// What must hold about a field or between the fields of a group, besides what types say.
    package func ruleMessages(at path: FieldPath) -> [String] {
        let own = fields.filter { $0.path == path }.flatMap(\.celRules)
        return (own + rules.compactMap(\.cel)).filter { $0.place == path }.map(\.message)
    }

    /// Every rule that an API server checks: those of each field's type, of its own, and those
    /// between fields.
    package var celRules: [CELRule] {
        fields.flatMap { $0.type.celRules(at: $0.path) + $0.celRules } + rules.compactMap(\.cel)
    }
}

/// A rule about a value that one field's type cannot express, most often about two fields.
struct SpecRule: Sendable {
    /// What a rule may look at.
    struct Subject {
        let cluster: EtcdCluster
        /// The fields and groups that the text contains.
        let present: Set<FieldPath>

        func has(_ path: String) -> Bool { present.contains(FieldPath(parsing: path)) }
    }

    let severity: SpecProblem.Severity
    /// Where the problem is reported.
    let path: FieldPath
    /// The rule is not asked while one of these is itself wrong.
    let involves: [FieldPath]
    /// The same for an API server, which knows no warnings: nil for those.
    let cel: CELRule?
    /// The problem, nil when there is none.
    let judge: @Sendable (Subject) -> String?

    /// A rule that exists twice, once for each who checks it.
    static func error(
        _ path: String,
        and others: String...,
        cel: CELRule,
        judge: @escaping @Sendable (Subject) -> String?
    ) -> SpecRule {
        let involved = ([path] + others).map(FieldPath.init(parsing:))
        return SpecRule(
            severity: .error,
            path: involved[0],
            involves: involved,
            cel: cel,
            judge: judge
        )
    }

    static func warning(
        _ path: String,
        and others: String...,
        judge: @escaping @Sendable (Subject) -> String?
    ) -> SpecRule {
        let involved = ([path] + others).map(FieldPath.init(parsing:))
        return SpecRule(
            severity: .warning,
            path: involved[0],
            involves: involved,
            cel: nil,
            judge: judge
        )
    }
}
