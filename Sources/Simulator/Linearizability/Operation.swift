/// One request of a simulated client: what it asked, when, and what it was told.
///
/// Times are the world's; two operations are ordered only when one has returned before the other
/// was invoked. A client has one operation at a time, but it goes on after one whose outcome it
/// never learned: such an operation stays open for ever.
package struct Operation: Hashable, Sendable {
    package var client: Int
    package var invoked: Int
    /// When the client knew the outcome. Nil: it never did, and the operation may take effect at
    /// any time after its invocation, or not at all.
    package var returned: Int?
    package var request: Request
    /// Nil exactly when the outcome is not known. An operation that failed for certain had no
    /// effect and is not in a history.
    package var response: Response?

    package init(
        client: Int,
        invoked: Int,
        returned: Int? = nil,
        request: Request,
        response: Response? = nil
    ) {
        self.client = client
        self.invoked = invoked
        self.returned = returned
        self.request = request
        self.response = response
    }
}

extension Operation {
    /// One key, or all keys in `key..<end` in the order of their bytes.
    package struct KeyRange: Hashable, Sendable {
        package var key: String
        package var end: String?

        package init(_ key: String, end: String? = nil) {
            self.key = key
            self.end = end
        }

        package func contains(_ other: String) -> Bool {
            guard let end else { return other == key }
            return !other.utf8.lexicographicallyPrecedes(key.utf8)
                && other.utf8.lexicographicallyPrecedes(end.utf8)
        }
    }

    package indirect enum Request: Hashable, Sendable {
        /// Values are unique in a world, so a value tells who wrote it.
        case put(key: String, value: String)
        /// Linearizable, at the current revision.
        case range(KeyRange)
        case delete(KeyRange)
        /// All of `success` when every comparison holds, else all of `failure`, at one point of
        /// time; what they change gets one revision. A branch writes no key twice and holds no
        /// further transaction.
        case txn(compares: [Compare], success: [Request], failure: [Request])
    }

    /// A comparison of a property of one key, `property relation operand`. A key that does not
    /// exist has revisions and version 0 and no value: comparing its value never holds.
    package struct Compare: Hashable, Sendable {
        package enum Operand: Hashable, Sendable {
            case modRevision(Int64)
            case createRevision(Int64)
            case version(Int64)
            case value(String)
        }

        package enum Relation: Hashable, Sendable, CaseIterable {
            case equal
            case notEqual
            case less
            case greater
        }

        package var key: String
        package var relation: Relation
        package var operand: Operand

        package init(_ key: String, _ relation: Relation, _ operand: Operand) {
            self.key = key
            self.relation = relation
            self.operand = operand
        }
    }

    /// A key as a range shows it.
    package struct Row: Hashable, Sendable {
        package var key: String
        package var value: String
        package var createRevision: Int64
        package var modRevision: Int64
        package var version: Int64

        package init(
            key: String,
            value: String,
            createRevision: Int64,
            modRevision: Int64,
            version: Int64
        ) {
            self.key = key
            self.value = value
            self.createRevision = createRevision
            self.modRevision = modRevision
            self.version = version
        }
    }

    package indirect enum Result: Hashable, Sendable {
        case put
        /// In the order of the keys' bytes.
        case range([Row])
        /// How many keys were deleted; with 0 the revision has not changed.
        case delete(count: Int)
        /// One result for each request of the branch taken.
        case txn(succeeded: Bool, results: [Result])
    }

    /// What the client was told. `revision` is the header's: of a change its own revision (or, if
    /// nothing changed, the store's at that point), of a read the store's at that point.
    package struct Response: Hashable, Sendable {
        package var revision: Int64
        package var result: Result

        package init(revision: Int64, result: Result) {
            self.revision = revision
            self.result = result
        }
    }
}
