/// How a member's process ends. The operator classifies exits by these numbers: only `.corruption`
/// may lead to a replacement, everything else is repaired in place or reported.
///
/// | code | case | what it means | what helps |
/// |---|---|---|---|
/// | 0 | `stopped` | told to stop, and stopped cleanly | nothing to do |
/// | 1 | `failure` | none of the cases below | read the last line |
/// | 64 | `configuration` | a flag, a variable or a combination of them is wrong | correct it |
/// | 65 | `corruption` | the data is damaged: a checksum, a format, a hole | replace the member |
/// | 66 | `foreignData` | the data is intact, but of another member, cluster or program | look |
/// | 67 | `retired` | the data directory carries a `retired` stamp | use the new directory |
/// | 68 | `removed` | the cluster has removed this member | a new member, empty directory |
/// | 69 | `addressInUse` | a listen address is taken or not of this machine | free it |
/// | 73 | `dataDirectory` | the data directory cannot be made, read or written | permissions |
/// | 74 | `diskFailure` | a read, a write or an fsync failed | look at the disk, restart |
/// | 75 | `locked` | another process holds the data directory | stop it, or adopt it |
/// | 76 | `noSpace` | the file system is full | free space, restart |
/// | 77 | `bootstrapRefused` | peers say that this member or cluster has been started before | look
/// |
///
/// A broken invariant ends in a trap (SIGILL or SIGTRAP) with its message on standard error, and
/// lack of memory in the kernel's SIGKILL: neither has a code.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case stopped = 0
    case failure = 1
    case configuration = 64
    case corruption = 65
    case foreignData = 66
    case retired = 67
    case removed = 68
    case addressInUse = 69
    case dataDirectory = 73
    case diskFailure = 74
    case locked = 75
    case noSpace = 76
    case bootstrapRefused = 77
}
