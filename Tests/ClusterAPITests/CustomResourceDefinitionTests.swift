import ClusterAPI
import TestKit
import Testing
import YAML

@Suite struct CustomResourceDefinitionTests {
    private let schema = Schema.cluster
    private let tree = CustomResourceDefinition().tree

    private var version: FieldTree? {
        guard case .list(let versions)? = tree["spec"]?["versions"]?.value else { return nil }
        return versions.first
    }

    private func root() throws -> FieldTree {
        try #require(version?["schema"]?["openAPIV3Schema"])
    }

    /// The schema of a field, through the properties of its groups and the items of lists.
    private func node(_ path: FieldPath) throws -> FieldTree {
        try path.names.reduce(try root()) { tree, name in
            let group = tree["items"] ?? tree
            return try #require(group["properties"]?[name], "\(path)")
        }
    }

    @Test func `the file in Manifests is what the command prints`() throws {
        let path = "\(repositoryRoot())/Manifests/crds/etcdclusters.yaml"
        let file = String(decoding: (try? readFile(path)) ?? [], as: UTF8.self)
        #expect(
            file == Node.yaml([Node(tree)]),
            """
            renew it: swift build -c release && \
            .build/release/etcd-operator crd >Manifests/crds/etcdclusters.yaml
            """
        )
    }

    @Test func `every field is there with its summary and its default`() throws {
        for field in schema.fields where field.path.names[0] == "spec" {
            let node = try node(field.path)
            #expect(node["description"] == .text(field.summary), "\(field.path)")
            #expect(node["default"] == field.defaultValue, "\(field.path)")
        }
        for group in schema.groups where group.path.names[0] == "spec" {
            #expect(try node(group.path)["description"] == .text(group.summary), "\(group.path)")
        }
        for field in schema.status {
            #expect(try node(field.path)["description"] == .text(field.summary), "\(field.path)")
        }
    }

    @Test func `every rule stands where its self is`() throws {
        #expect(!schema.celRules.isEmpty)
        for rule in schema.celRules where rule.place.names[0] == "spec" {
            let rules = try #require(try node(rule.place)["x-kubernetes-validations"])
            guard case .list(let items) = rules.value else {
                Issue.record("\(rule.place) has no list of rules")
                continue
            }
            #expect(items.contains { $0["rule"] == .text(rule.expression) }, "\(rule.place)")
            #expect(!rule.message.isEmpty && !rule.message.hasSuffix("."), "\(rule.message)")
            #expect(rule.expression.contains("self"), "\(rule.expression)")
            #expect(isBalanced(rule.expression), "\(rule.expression)")
        }
    }

    /// A default is judged by the rules as it stands, so it must hold what they look at.
    @Test func `a group that rules look at has its default written out`() throws {
        for group in schema.groups where schema.celRules.contains(where: { $0.place == group.path })
        {
            let defaults = try #require(try node(group.path)["default"], "\(group.path)")
            for rule in schema.celRules where rule.place == group.path {
                for name in schema.names(below: group.path)
                where rule.expression.contains("self.\(name)")
                    && !rule.expression.contains("has(self.\(name))")
                {
                    #expect(defaults[name] != nil, "\(group.path).\(name)")
                }
            }
        }
    }

    @Test func `an alternative has no default, so that it can be left out`() throws {
        #expect(try node(FieldPath(parsing: "spec.engine.embedded"))["default"] == nil)
        #expect(try node(FieldPath(parsing: "spec.engine.etcd"))["default"] == nil)
        #expect(try node(FieldPath(parsing: "spec"))["default"] == .map([:]))
    }

    @Test func `the schema is one that an API server takes`() throws {
        var count = 0
        try check(try root(), at: "") { count += 1 }
        #expect(count > 60)
    }

    /// What makes a schema structural, and each keyword one that a structural schema may have.
    private func check(_ node: FieldTree, at path: String, count: () -> Void) throws {
        count()
        let keywords = [
            "type", "format", "description", "default", "properties", "required", "items", "enum",
            "minimum", "maximum", "pattern", "minLength", "maxLength", "maxProperties",
            "additionalProperties", "anyOf", "x-kubernetes-int-or-string",
            "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
        ]
        for field in node.fields { #expect(keywords.contains(field.key), "\(path): \(field.key)") }
        #expect(Set(node.fields.map(\.key)).count == node.fields.count, "\(path)")
        if node["x-kubernetes-int-or-string"] == true {
            #expect(node["type"] == nil, "\(path)")
            #expect(
                node["anyOf"] == [.map(["type": "integer"]), .map(["type": "string"])],
                "\(path)"
            )
        } else {
            #expect(node["type"] != nil && node["anyOf"] == nil, "\(path)")
        }
        #expect((node["type"] == "array") == (node["items"] != nil), "\(path)")
        #expect(node["properties"] == nil || node["additionalProperties"] == nil, "\(path)")
        if node["x-kubernetes-validations"] != nil, node["type"] == "string" {
            #expect(node["maxLength"] != nil, "\(path): the cost of its rules has no bound")
        }
        for property in node["properties"]?.fields ?? [] {
            try check(property.value, at: "\(path).\(property.key)", count: count)
        }
        for inner in ["items", "additionalProperties"] {
            if let node = node[inner] { try check(node, at: "\(path)[]", count: count) }
        }
    }

    @Test func `columns and the scale subresource show fields that there are`() throws {
        for column in PrinterColumn.all where column.path.names[0] != "metadata" {
            _ = try node(column.path)
        }
        let scale = try #require(version?["subresources"]?["scale"])
        #expect(scale.fields.count == 2)
        for field in scale.fields {
            guard case .string(let path) = field.value.value else { continue }
            _ = try node(FieldPath(parsing: path))
        }
    }

    @Test func `it has its names`() {
        #expect(tree["metadata"]?["name"] == "etcdclusters.etcd-operator.dev")
        #expect(tree["spec"]?["names"]?["shortNames"] == ["ec"])
        #expect(tree["spec"]?["scope"] == "Namespaced")
        #expect(version?["subresources"]?["status"] == .map([:]))
    }

    private func isBalanced(_ text: String) -> Bool {
        var open: [Character] = []
        let pairs: [Character: Character] = [")": "(", "]": "[", "}": "{"]
        var quoted = false
        for character in text {
            if character == "'" { quoted.toggle() }
            if quoted { continue }
            if "([{".contains(character) { open.append(character) }
            if let opening = pairs[character], open.popLast() != opening { return false }
        }
        return open.isEmpty && !quoted
    }
}

/// The patterns that an API server matches, beside what the operator itself accepts.
@Suite struct PatternTests {
    private static let rules: [(TextRule, [String])] = [
        (.label(maxLength: 52), ["a", "a-b", "0", "-a", "a-", "A", "", "a.b", "é"]),
        (.flagName, ["max-txn-ops", "--x", "x_y", "9"]),
        (.qualifiedName, ["team", "example.com/team", "/a", "a/", "a/b/c", "A.b/c", "a_b.c", "-"]),
        (.labelValue, ["", "a", "A_b-c.9", "-a", "a b"]),
        (
            .address,
            [
                "127.0.0.1", "0.0.0.0", "224.0.0.1", "223.255.255.255", "10.0.0", "256.1.1.1",
                "01.2.3.4", "1.2.3.04", "1.2.3.4.5", "10.20.30.256", "localhost", "1.2.3.4 ",
            ]
        ),
        (.path, ["/usr/bin/etcd", "bin/etcd", "", "a\u{0}b", "ä ö"]),
    ]

    @Test func `a text matches the pattern just when it is accepted`() throws {
        var random = Seed(7).generator()
        let pieces = ["a", "Z", "0", "9", "-", "_", ".", "/", "25", "255", "1.2.3.", "é", " "]
        for (rule, examples) in Self.rules {
            let pattern = try Regex(try #require(rule.pattern))
            let texts =
                examples
                + (0..<2000).map { _ in
                    (0..<random.below(8)).map { _ in random.pick(pieces) }.joined()
                }
            #expect(texts.contains(where: rule.accepts))
            for text in texts {
                let matches = text.wholeMatch(of: pattern) != nil && text.count <= rule.maxLength
                #expect(matches == rule.accepts(text), "\(rule) \(text)")
            }
            let long = String(repeating: "a", count: rule.maxLength + 1)
            #expect(!rule.accepts(long), "\(rule)")
        }
    }

    private func pattern(_ path: String) throws -> Regex<AnyRegexOutput> {
        let field = try #require(Schema.cluster.field(FieldPath(parsing: path)))
        guard case .string(let text)? = field.type.openAPI["pattern"]?.value else {
            throw Script.Malformed("\(path) has no pattern")
        }
        return try Regex(text)
    }

    /// The pattern says that the text is a duration in whole steps; how long it may be is a rule.
    @Test(arguments: ["spec.settings.electionTimeout", "spec.healing.unhealthyAfter"])
    func `a text that matches is a duration in whole steps`(path: String) throws {
        let pattern = try pattern(path)
        var random = Seed(8).generator()
        let pieces = ["1", "0", ".5", ".25", ".001", "d", "h", "m", "s", "ms", "us", "60", "-"]
        var matching = 0
        for _ in 0..<20_000 {
            let text = (0..<random.below(7)).map { _ in random.pick(pieces) }.joined()
            guard !text.isEmpty, text.wholeMatch(of: pattern) != nil else { continue }
            matching += 1
            do {
                _ = try Duration(parsing: text)
            } catch {
                // The pattern counts no digits.
                #expect(error.expected.contains("292 years"), "\(text)")
                continue
            }
            let duration = try Duration(parsing: text)
            let step: Int64 = path.hasPrefix("spec.settings") ? 1 : 1000
            #expect(Duration.milliseconds(duration.milliseconds) == duration, "\(text)")
            if !text.contains("ms") { #expect(duration.milliseconds % step == 0, "\(text)") }
        }
        #expect(matching > 100)
    }

    @Test(arguments: ["100ms", "1s", "1.5s", "1m30s", "0.5m", "7d", "1d12h", "0.5d", "1s500ms"])
    func `usual durations match`(text: String) throws {
        let pattern = try pattern("spec.settings.electionTimeout")
        #expect(text.wholeMatch(of: pattern) != nil)
    }

    @Test(
        arguments: [
            "8Gi", "1.5Mi", "500M", "1e9", "1048576", "64Mi", "2E", "1k", "1Ki", ".5Gi",
        ]
    )
    func `usual quantities match`(text: String) throws {
        let pattern = try pattern("spec.storage.quota")
        #expect(text.wholeMatch(of: pattern) != nil)
        _ = try Quantity(parsing: text)
    }

    @Test(arguments: ["", "8 Gi", "8gi", "1m", "-1", "8GiB", "1ki", "1.", "1e", "Gi"])
    func `what is no quantity does not match`(text: String) throws {
        let pattern = try pattern("spec.storage.quota")
        #expect(text.wholeMatch(of: pattern) == nil)
    }

    /// But for ranges that run backwards, which a pattern cannot know.
    @Test func `a text that matches is a schedule`() throws {
        let pattern = try Regex(Schedule.pattern)
        var random = Seed(9).generator()
        let pieces = [
            "*", "*", "*", "*/2", "1", "07", "5-10", "10-5", "59", "31", "24", "MON", "feb-APR",
            "10/3", "1-", "-1", "/", "*-5", "0", "7-0",
        ]
        var matching = 0
        for _ in 0..<20_000 {
            let fields = (0..<5).map { _ in
                (0..<1 + random.below(2)).map { _ in random.pick(pieces) }.joined(separator: ",")
            }
            let text = fields.joined(separator: " ")
            guard text.wholeMatch(of: pattern) != nil else { continue }
            matching += 1
            do {
                _ = try Schedule(parsing: text)
            } catch {
                #expect(error.hint.contains("backwards"), "\(text)\(error.hint)")
            }
        }
        #expect(matching > 100)
        for text in [
            "", "@daily", "30 4 * * SUN", "*/15 8-17 1,15 jan-mar mon-fri/2", "5/10 0 1 1 0",
        ] {
            #expect(text.wholeMatch(of: pattern) != nil, "\(text)")
        }
        for text in ["@dayly", "* * * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "* * 0 * *"] {
            #expect(text.wholeMatch(of: pattern) == nil, "\(text)")
        }
    }
}
