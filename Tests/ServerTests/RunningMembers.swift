import Testing

/// The suites that hold ports and locks or start programs, one after the other: a child process has
/// everything its parent has open until it is executed, and would so hold for a moment what a
/// member of another test has just let go.
@Suite(.serialized) enum RunningMembers {}
