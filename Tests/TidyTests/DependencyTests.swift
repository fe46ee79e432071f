import TestKit
import Testing

/// Package.swift and the list of arrows in the architecture article say the same.
@Suite struct DependencyTests {
    @Test func `each target depends on just what the architecture allows`() throws {
        let allowed = try architecture()
        let actual = try manifest()
        #expect(!actual.isEmpty)
        for (target, dependencies) in actual.sorted(by: { $0.key < $1.key }) {
            #expect(
                dependencies == allowed[target],
                "Package.swift and Sources/Docs.docc/Architecture.md differ on \(target)"
            )
        }
        #expect(Set(actual.keys) == Set(allowed.keys))
    }

    @Test func `no target is a drawer for odds and ends`() throws {
        let drawers = ["Core", "Common", "Utils", "Helpers", "Manager", "Util", "Shared", "Misc"]
        for target in try manifest().keys {
            #expect(!drawers.contains { target.hasSuffix($0) }, "\(target)")
        }
    }

    /// Lines `Target -> Dependency Dependency` of the article's code blocks; `(none)` is no one.
    private func architecture() throws -> [String: Set<String>] {
        let article = try readText("Sources/Docs.docc/Architecture.md")
        var arrows: [String: Set<String>] = [:]
        for line in article.split(separator: "\n") {
            let sides = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            guard sides.count >= 3, sides[1] == "->" else { continue }
            arrows[sides[0]] = Set(sides[2...].filter { $0 != "(none)" })
        }
        return arrows
    }

    /// The targets of Package.swift that are not tests, each with what it names as a dependency;
    /// constants such as `nioCore` stand for products.
    private func manifest() throws -> [String: Set<String>] {
        let text = try readText("Package.swift")
        let starts = [".target(", ".executableTarget("]
        var targets: [String: Set<String>] = [:]
        guard let list = text.range(of: "    targets: [") else { return targets }
        var rest = text[list.upperBound...]
        while let start = starts.compactMap({ rest.range(of: $0) }).min(by: {
            $0.lowerBound < $1.lowerBound
        }) {
            let body = balanced(rest[start.upperBound...])
            rest = rest[body.endIndex...]
            let words = quoted(body)
            guard let name = words.first, !body.contains("path: \"Tests") else { continue }
            targets[name] = Set(dependencies(of: body))
        }
        return targets
    }

    private func dependencies(of body: Substring) -> [String] {
        guard let start = body.range(of: "dependencies: [") else { return [] }
        let list = body[start.upperBound...].prefix { $0 != "]" }
        return list.split { $0 == "," || $0 == "\n" || $0 == " " }
            .map { $0.filter { $0 != "\"" } }.filter { !$0.isEmpty }
    }

    private func quoted(_ text: Substring) -> [String] {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
    }

    /// The text up to the parenthesis that closes the one just before it.
    private func balanced(_ text: Substring) -> Substring {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text[..<index] }
        }
        return text
    }

    private func readText(_ path: String) throws -> Substring {
        Substring(decoding: try readFile("\(repositoryRoot())/\(path)"), as: UTF8.self)
    }
}

extension Substring {
    fileprivate func range(of needle: String) -> Range<Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(needle) {
                return at..<index(at, offsetBy: needle.count)
            }
            at = index(after: at)
        }
        return nil
    }
}
