import ArgumentParser
import ClusterAPI
import Operator

struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the log of a member, or of all members of a cluster.",
        discussion: """
            What is printed is the log of the present run, or of the last one. With a cluster's \
            name the lines of all its members come by time, each with its member before it. With \
            --follow it goes on until Ctrl-C, over restarts of members and cuts of the file. \
            Needs no running operator. For --since, a line that says no time belongs to the one \
            before it.

            EXAMPLES
              etcd-operator logs quickstart-0
              etcd-operator logs quickstart --follow --tail 20
              etcd-operator logs orders/orders-2 -n shop --since 10m
              etcd-operator logs quickstart-1 --previous | tail
            """
    )

    @Argument(
        help: "MEMBER, CLUSTER, CLUSTER/MEMBER or etcdcluster/CLUSTER.",
        completion: .memberNames
    )
    var name: String

    @Flag(name: .shortAndLong, help: "Then go on with what is new, until Ctrl-C.")
    var follow = false

    @Option(help: ArgumentHelp("Only the last lines, of each member.", valueName: "lines"))
    var tail: Int?

    @OptionGroup var since: SinceOption

    @Flag(
        name: .shortAndLong,
        help: "The file before: of the run before, or what was cut off when the log grew too long."
    )
    var previous = false

    @OptionGroup var namespace: NamespaceOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if let tail, tail < 0 { throw ValidationError("--tail: expected a number from 0") }
        if follow, previous {
            throw ValidationError("--previous has ended: --follow is for others")
        }
    }

    func run() async throws {
        let directory = try state.open()
        let selection = try LogSelection(name, in: directory, namespace)
        let cluster = directory.cluster(selection.cluster)
        let options = MemberLogs.Options(tail: tail, start: try since.start, isPrevious: previous)
        var logs = MemberLogs(
            options,
            prefixes: selection.member == nil,
            output: Terminal.standardOutput
        )
        guard follow else {
            try checkThere(selection, cluster)
            try logs.read(selection.members(in: directory), of: cluster)
            if try logs.write() { try logs.writeUnfinished() }
            return
        }
        let changes = try StateWatch()
        try await untilInterrupted(changes) {
            let members = try selection.members(in: directory)
            changes.add([cluster.path + "/members"])
            changes.add(
                members.map { cluster.member($0).path + "/log" },
                writes: true
            )
            try logs.read(members, of: cluster)
            return try logs.write()
        }
    }

    /// A log that is not there is no empty one.
    private func checkThere(_ selection: LogSelection, _ cluster: ClusterDirectory) throws {
        guard let member = selection.member else { return }
        let path = cluster.member(member).log + (previous ? ".1" : "")
        guard realPath(path) == nil else { return }
        let what = previous ? "\(member) has no earlier log" : "\(member) has no log"
        throw CommandFailure(.notFound, what, remedy: "it would be \(path)")
    }
}
