#if canImport(Glibc)
import Glibc
#endif

/// The bytes of a file of the test tree.
package func readFile(_ path: String) throws -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else {
        throw Script.Malformed("\(path): cannot be read")
    }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = unsafe fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}

/// The names in a directory, without `.` and `..`, in no order; an absent one has none.
package func fileNames(in directory: String) -> [String] {
    guard let handle = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(handle) }
    var names: [String] = []
    while let entry = unsafe readdir(handle) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                unsafe String(cString: $0)
            }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// The top folder of the repository, found from a test file's own path.
package func repositoryRoot(file: String = #filePath) -> String {
    var parts = file.split(separator: "/", omittingEmptySubsequences: false)
    while let last = parts.popLast() {
        if last == "Tests" { break }
    }
    return parts.joined(separator: "/")
}
