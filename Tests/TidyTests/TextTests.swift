import TestKit
import Testing

/// Length of lines and files, words that have no place, the top level of the repository.
@Suite struct TextTests {
    @Test func `no line is longer than 100 columns and no file longer than 600 lines`() throws {
        for file in try SourceTree.swift() {
            #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines")
            for (number, line) in file.lines.enumerated() where line.count > 100 {
                Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
            }
        }
    }

    @Test func `nothing is left for later in the sources`() throws {
        let later = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        let careless = [
            "try" + "! ", "Thread." + "sleep", "us" + "leep(", "Task." + "detached",
        ]
        for file in try SourceTree.swift() {
            for (number, line) in file.lines.enumerated() {
                let words = line.split { !$0.isLetter }.map(String.init)
                #expect(!words.contains(where: later.contains), "\(file.path):\(number + 1)")
                if file.path.hasPrefix("Sources"), !line.contains("// because") {
                    let found = careless.filter { line.contains($0) }
                    #expect(found.isEmpty, "\(file.path):\(number + 1): \(line)")
                }
            }
        }
    }

    @Test func `the top level holds just what it should`() {
        let allowed = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "Manifests", "Charts",
            "README.md", "LICENSE",
        ]
        let found = fileNames(in: repositoryRoot()).filter { !$0.hasPrefix(".") }
        #expect(found.filter { !allowed.contains($0) }.isEmpty)
    }

    @Test func `nothing is public, because what ships are programs`() throws {
        for file in try SourceTree.files(in: "Sources", endingIn: ".swift") {
            for (number, line) in file.lines.enumerated() {
                #expect(!isPublic(line), "\(file.path):\(number + 1)")
            }
        }
    }

    @Test(arguments: [
        "public struct A {", "    public final class B {", "open class C {", "public init() {",
        "@safe public static func d() {", "public mutating func e() {", "public extension F {",
        "public private(set) var g = 0", "public import H", "public typealias I = Int",
    ])
    func `what is public is seen`(line: String) {
        #expect(isPublic(line))
    }

    @Test(arguments: [
        "/// public class of goods", "package let open = 1", "open (file)", "case open",
    ])
    func `a word alone makes nothing public`(line: String) {
        #expect(!isPublic(line))
    }

    /// Whether a line declares something with `public` or `open` among its first words.
    private func isPublic(_ line: String) -> Bool {
        let words = line.split(separator: " ")
        guard let first = words.first, !first.hasPrefix("//") else { return false }
        let next = [
            "actor", "class", "convenience", "dynamic", "enum", "extension", "final", "func",
            "import", "indirect", "init", "internal(", "lazy", "let", "mutating", "nonisolated",
            "override", "package(", "private(", "protocol", "static", "struct", "subscript",
            "typealias", "unowned", "var", "weak",
        ]
        return zip(words, words.dropFirst()).prefix(4).contains { word, after in
            (word == "public" || word == "open") && next.contains { after.hasPrefix($0) }
        }
    }
}
