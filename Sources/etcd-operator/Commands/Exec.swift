import ArgumentParser
import ClusterAPI
import Glibc
import Operator

struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a program, such as etcdctl, with a cluster's endpoints in its environment.",
        discussion: """
            ETCDCTL_ENDPOINTS holds the client URLs and ETCDCTL_API is 3. The program takes the \
            place of this one, so signals, terminal and exit code are its own. When its arguments \
            have --endpoints of their own, the variable is not set, since etcdctl refuses both \
            together. Works with and without a running operator.

            EXAMPLES
              etcd-operator exec quickstart -- etcdctl put hello world
              etcd-operator exec quickstart -- etcdctl endpoint status -w table
              etcd-operator exec orders -n shop -- sh -c 'etcdctl get "" --prefix | wc -l'
            """
    )

    @Argument(
        help: "The cluster: NAME, etcdcluster NAME, or etcdcluster/NAME.",
        completion: .clusterNames
    )
    var words: [String]

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The program and its arguments, after --.", valueName: "program")
    )
    var program: [String] = []

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        guard let first = program.first, !first.isEmpty else {
            throw ValidationError(
                "expected -- and a program, as in: exec NAME -- etcdctl get hello"
            )
        }
        _ = try ResourceKind.name(in: words)
    }

    func run() throws {
        let name = namespace.name(try ResourceKind.name(in: words))
        let endpoints = try state.open().resource(name).publishedEndpoints()
        let hasOwn = program.dropFirst().contains {
            $0 == "--endpoints" || $0.hasPrefix("--endpoints=")
        }
        if hasOwn {
            _ = unsafe unsetenv("ETCDCTL_ENDPOINTS")
        } else {
            _ = unsafe setenv("ETCDCTL_ENDPOINTS", endpoints.joined(separator: ","), 1)
        }
        _ = unsafe setenv("ETCDCTL_API", "3", 1)
        // The thread of a pool may hold signals back, and what it holds back the program would.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        let arguments = unsafe program.map { unsafe strdup($0) } + [nil]
        unsafe execvp(program[0], arguments)
        let failure = errno
        let reason = unsafe String(cString: strerror(failure))
        let remedy =
            program[0] == "etcdctl" ? "install it (Debian: etcd-client) or give its path" : ""
        throw CommandFailure(
            failure == ENOENT ? .notFound : .failed,
            "\(program[0]) cannot be executed: \(reason)",
            remedy: remedy
        )
    }
}
