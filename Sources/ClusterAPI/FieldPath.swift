/// The way from the top of a resource to one of its fields.
package struct FieldPath: Hashable, Sendable, CustomStringConvertible {
    package let names: [String]

    package init(_ names: [String] = []) {
        self.names = names
    }

    /// Reads `spec.storage.quota`; the names of the schema contain no points.
    package init(parsing text: String) {
        names = text.split(separator: ".").map(String.init)
    }

    package func appending(_ name: String) -> FieldPath { FieldPath(names + [name]) }

    package var parent: FieldPath { FieldPath(Array(names.dropLast())) }

    package func isBelow(_ ancestor: FieldPath) -> Bool {
        names.count > ancestor.names.count && names.starts(with: ancestor.names)
    }

    /// `spec.storage.quota`, and `metadata.labels["example.com/team"]` where points would mislead.
    package var description: String {
        names.enumerated().reduce(into: "") { text, item in
            let (index, name) = item
            let isPlain =
                !name.isEmpty
                && name.unicodeScalars.allSatisfy {
                    $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_"
                }
            if isPlain {
                text += index == 0 ? name : ".\(name)"
            } else {
                text += "[\"\(name)\"]"
            }
        }
    }
}
