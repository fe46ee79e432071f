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
            guard let at = words.firstIndex(of: "import"), at <= 2, at + 1 < words.count,
                words[..<at].allSatisfy({
                    ["package", "internal", "private", "@testable"].contains($0)
                })
            else { return nil }
            return String(words.last ?? "").split(separator: ".").first.map(String.init)
        }
    }
}

/// The files that people write; what a generator wrote is left out.
enum SourceTree {
    static func files(in folder: String, endingIn suffix: String) throws -> [SourceFile] {
        try paths(below: folder).filter { $0.hasSuffix(suffix) }.sorted().map { path in
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
