// Tests know seeds and generators through this module.
@_exported public import Chance
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A seed is part of the case's name, so a failure prints it and `SEED=n swift test --filter ...`
/// replays it.
extension Seed: CustomTestStringConvertible {
    /// The seeds 1...`count`, or only the one in the environment variable `SEED` when it is set.
    package static func batch(_ count: Int) -> [Seed] {
        if let chosen = environment("SEED").flatMap(UInt64.init) {
            return [Seed(chosen)]
        }
        return (1...UInt64(count)).map(Seed.init)
    }

    package var testDescription: String {
        "SEED=\(value)"
    }
}

/// The value of an environment variable; nil when it is unset or empty.
package func environment(_ name: String) -> String? {
    guard let pointer = unsafe getenv(name) else { return nil }
    let value = unsafe String(cString: pointer)
    return value.isEmpty ? nil : value
}
