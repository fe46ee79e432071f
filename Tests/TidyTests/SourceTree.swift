import TestKit

/// A text file of the repository, by its path below the top folder.
struct SourceFile: Sendable {
    let path: String
    let lines: [String]

    /// The target whose folder holds the file.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 1 ? String(parts[1]) : ""
    }

    /// The modules that the file imports.
    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            let modifiers = [
                "public", "package", "internal", "fileprivate", "private", "@testable",
                "@preconcurrency", "@_exported",
            ]
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
                words[..<at].allSatisfy({ modifiers.contains(String($0)) })
            else { return nil }
            return String(words.last ?? "").split(separator: ".").first.map(String.init)
        }
    }
}

/// The files that people write; what a generator wrote is left out.
enum SourceTree {
    /// Fails where there are none: a rule about them would hold for nothing.
    static func files(in folder: String, endingIn suffix: String) throws -> [SourceFile] {
        let paths = paths(below: folder).filter { $0.hasSuffix(suffix) }.sorted()
        if paths.isEmpty { throw Script.Malformed("\(folder): there is no *\(suffix)") }
        return try paths.map { path in
            let text = String(decoding: try readFile("\(repositoryRoot())/\(path)"), as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            return SourceFile(path: path, lines: lines.map(String.init))
        }
    }

    static func swift() throws -> [SourceFile] {
        try files(in: "Sources", endingIn: ".swift") + files(in: "Tests", endingIn: ".swift")
    }

    private static func paths(below folder: String) -> [String] {
        fileNames(in: "\(repositoryRoot())/\(folder)").flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            if name == "Generated" || name.hasPrefix(".") || name == "Testdata" { return [] }
            if fileNames(in: "\(repositoryRoot())/\(path)").isEmpty, name.contains(".") {
                return [path]
            }
            return paths(below: path)
        }
    }
}
