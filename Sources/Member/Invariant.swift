/// Stops the process when what must always hold does not: going on could break what other members
/// rely on. Kept in release builds, with its message.
func invariant(
    _ condition: Bool,
    _ message: @autoclosure () -> String,
    file: StaticString = #file,
    line: UInt = #line
) {
    if !condition { fatalError(message(), file: file, line: line) }
}
