/// An error as etcd's clients see it: they compare the code and the exact text.
///
/// The table is that of etcd's `rpctypes` (3.4 to 3.7), with the newest code where versions differ.
package struct EtcdError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A gRPC status code, 1 to 16.
    package let code: Int
    package let message: String

    package init(code: Int, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

/// gRPC's numbers.
private enum Code {
    static let canceled = 1
    static let unknown = 2
    static let invalidArgument = 3
    static let deadlineExceeded = 4
    static let notFound = 5
    static let permissionDenied = 7
    static let resourceExhausted = 8
    static let failedPrecondition = 9
    static let outOfRange = 11
    static let unimplemented = 12
    static let unavailable = 14
    static let dataLoss = 15
    static let unauthenticated = 16
}

extension EtcdError {
    /// An error of a code with `etcdserver: ` before its text.
    private init(_ code: Int, _ text: String) {
        self.init(code: code, message: "etcdserver: " + text)
    }

    // MARK: Keys and transactions

    package static let emptyKey = EtcdError(Code.invalidArgument, "key is not provided")
    package static let keyNotFound = EtcdError(Code.invalidArgument, "key not found")
    package static let valueProvided = EtcdError(Code.invalidArgument, "value is provided")
    package static let leaseProvided = EtcdError(Code.invalidArgument, "lease is provided")
    package static let tooManyOps = EtcdError(
        Code.invalidArgument,
        "too many operations in txn request"
    )
    package static let duplicateKey = EtcdError(
        Code.invalidArgument,
        "duplicate key given in txn request"
    )
    package static let invalidClientAPIVersion = EtcdError(
        Code.invalidArgument,
        "invalid client api version"
    )
    package static let invalidSortOption = EtcdError(Code.invalidArgument, "invalid sort option")
    package static let compacted = EtcdError(
        Code.outOfRange,
        "mvcc: required revision has been compacted"
    )
    package static let futureRev = EtcdError(
        Code.outOfRange,
        "mvcc: required revision is a future revision"
    )
    package static let noSpace = EtcdError(Code.resourceExhausted, "mvcc: database space exceeded")
    package static let watchCanceled = EtcdError(Code.canceled, "watch canceled")

    // MARK: Leases

    package static let leaseNotFound = EtcdError(Code.notFound, "requested lease not found")
    package static let leaseExist = EtcdError(Code.failedPrecondition, "lease already exists")
    package static let leaseTTLTooLarge = EtcdError(Code.outOfRange, "too large lease TTL")

    // MARK: Members

    package static let memberExist = EtcdError(Code.failedPrecondition, "member ID already exist")
    package static let peerURLExist = EtcdError(Code.failedPrecondition, "Peer URLs already exists")
    /// etcd has a code for it but leaves it out by mistake; clients go by the text.
    package static let memberNotEnoughStarted = EtcdError(
        Code.unknown,
        "re-configuration failed due to not enough started members"
    )
    package static let memberBadURLs = EtcdError(
        Code.invalidArgument,
        "given member URLs are invalid"
    )
    package static let memberNotFound = EtcdError(Code.notFound, "member not found")
    package static let memberNotLearner = EtcdError(
        Code.failedPrecondition,
        "can only promote a learner member"
    )
    package static let learnerNotReady = EtcdError(
        Code.failedPrecondition,
        "can only promote a learner member which is in sync with leader"
    )
    package static let tooManyLearners = EtcdError(
        Code.failedPrecondition,
        "too many learner members in cluster"
    )
    package static let clusterIDMismatch = EtcdError(Code.failedPrecondition, "cluster ID mismatch")

    // MARK: Load

    package static let requestTooLarge = EtcdError(Code.invalidArgument, "request is too large")
    package static let tooManyRequests = EtcdError(Code.resourceExhausted, "too many requests")

    // MARK: Users and roles

    package static let rootUserNotExist = EtcdError(
        Code.failedPrecondition,
        "root user does not exist"
    )
    package static let rootRoleNotExist = EtcdError(
        Code.failedPrecondition,
        "root user does not have root role"
    )
    package static let userAlreadyExist = EtcdError(
        Code.failedPrecondition,
        "user name already exists"
    )
    package static let userEmpty = EtcdError(Code.invalidArgument, "user name is empty")
    package static let userNotFound = EtcdError(Code.failedPrecondition, "user name not found")
    package static let roleAlreadyExist = EtcdError(
        Code.failedPrecondition,
        "role name already exists"
    )
    package static let roleNotFound = EtcdError(Code.failedPrecondition, "role name not found")
    package static let roleEmpty = EtcdError(Code.invalidArgument, "role name is empty")
    package static let authFailed = EtcdError(
        Code.invalidArgument,
        "authentication failed, invalid user ID or password"
    )
    package static let permissionNotGiven = EtcdError(Code.invalidArgument, "permission not given")
    package static let permissionDenied = EtcdError(Code.permissionDenied, "permission denied")
    package static let roleNotGranted = EtcdError(
        Code.failedPrecondition,
        "role is not granted to the user"
    )
    package static let permissionNotGranted = EtcdError(
        Code.failedPrecondition,
        "permission is not granted to the role"
    )
    package static let authNotEnabled = EtcdError(
        Code.failedPrecondition,
        "authentication is not enabled"
    )
    package static let invalidAuthToken = EtcdError(Code.unauthenticated, "invalid auth token")
    package static let invalidAuthManagement = EtcdError(
        Code.invalidArgument,
        "invalid auth management"
    )
    package static let authOldRevision = EtcdError(
        Code.invalidArgument,
        "revision of auth store is old"
    )

    // MARK: Leadership and availability

    package static let noLeader = EtcdError(Code.unavailable, "no leader")
    package static let notLeader = EtcdError(Code.failedPrecondition, "not leader")
    package static let leaderChanged = EtcdError(Code.unavailable, "leader changed")
    package static let notCapable = EtcdError(Code.failedPrecondition, "not capable")
    package static let stopped = EtcdError(Code.unavailable, "server stopped")
    package static let timeout = EtcdError(Code.unavailable, "request timed out")
    package static let timeoutDueToLeaderFail = EtcdError(
        Code.unavailable,
        "request timed out, possibly due to previous leader failure"
    )
    package static let timeoutDueToConnectionLost = EtcdError(
        Code.unavailable,
        "request timed out, possibly due to connection lost"
    )
    package static let timeoutWaitAppliedIndex = EtcdError(
        Code.unavailable,
        "request timed out, waiting for the applied index took too long"
    )
    package static let unhealthy = EtcdError(Code.unavailable, "unhealthy cluster")
    package static let corrupt = EtcdError(Code.dataLoss, "corrupt cluster")
    package static let notSupportedForLearner = EtcdError(
        Code.failedPrecondition,
        "rpc not supported for learner"
    )
    package static let badLeaderTransferee = EtcdError(
        Code.failedPrecondition,
        "bad leader transferee"
    )
    package static let canceled = EtcdError(Code.canceled, "request canceled")
    package static let deadlineExceeded = EtcdError(
        Code.deadlineExceeded,
        "context deadline exceeded"
    )

    // MARK: Downgrade

    package static let wrongDowngradeVersionFormat = EtcdError(
        Code.invalidArgument,
        "wrong downgrade target version format"
    )
    package static let invalidDowngradeTargetVersion = EtcdError(
        Code.invalidArgument,
        "invalid downgrade target version"
    )
    package static let clusterVersionUnavailable = EtcdError(
        Code.failedPrecondition,
        "cluster version not found during downgrade"
    )
    package static let downgradeInProcess = EtcdError(
        Code.failedPrecondition,
        "cluster has a downgrade job in progress"
    )
    package static let noInflightDowngrade = EtcdError(
        Code.failedPrecondition,
        "no inflight downgrade job"
    )

    // MARK: Not in etcd's table

    /// A command of the log that this version does not carry out; it changes nothing.
    package static func unsupported(_ command: String) -> EtcdError {
        EtcdError(Code.unimplemented, "\(command) is not supported")
    }

    /// Every entry of etcd's table, for tests and for finding an error by its text.
    package static let all: [EtcdError] = [
        emptyKey, keyNotFound, valueProvided, leaseProvided, tooManyOps, duplicateKey,
        invalidClientAPIVersion, invalidSortOption, compacted, futureRev, noSpace, watchCanceled,
        leaseNotFound, leaseExist, leaseTTLTooLarge,
        memberExist, peerURLExist, memberNotEnoughStarted, memberBadURLs, memberNotFound,
        memberNotLearner, learnerNotReady, tooManyLearners, clusterIDMismatch,
        requestTooLarge, tooManyRequests,
        rootUserNotExist, rootRoleNotExist, userAlreadyExist, userEmpty, userNotFound,
        roleAlreadyExist, roleNotFound, roleEmpty, authFailed, permissionNotGiven,
        permissionDenied, roleNotGranted, permissionNotGranted, authNotEnabled, invalidAuthToken,
        invalidAuthManagement, authOldRevision,
        noLeader, notLeader, leaderChanged, notCapable, stopped, timeout, timeoutDueToLeaderFail,
        timeoutDueToConnectionLost, timeoutWaitAppliedIndex, unhealthy, corrupt,
        notSupportedForLearner, badLeaderTransferee, canceled, deadlineExceeded,
        wrongDowngradeVersionFormat, invalidDowngradeTargetVersion, clusterVersionUnavailable,
        downgradeInProcess, noInflightDowngrade,
    ]
}
