import ArgumentParser
import Raft
import Simulator

/// What a person wants to be otherwise than a seed chooses.
struct Changes: ParsableArguments {
    @Option(
        help: """
            members (whole members), core (bare consensus), or operators (the operator with \
            simulated members, which no seed chooses by itself).
            """
    )
    var world: String?

    @Option(help: "How many members the cluster begins with.")
    var members: Int?

    @Option(help: "How many clients there are.")
    var clients: Int?

    @Option(help: "How many clients watch.")
    var observers: Int?

    @Option(help: "How many clients hold leases.")
    var holders: Int?

    @Option(help: "How long faults are injected at most, in milliseconds of the world.")
    var duration: Int?

    @Option(
        help: ArgumentHelp(
            "Leave out a kind of fault: "
                + Fault.allCases.map(\.rawValue).joined(separator: ", ") + "."
        )
    )
    var without: [String] = []

    @Option(
        help: ArgumentHelp(
            "Plant a mistake: " + PlantedBugs.all.map(\.name).joined(separator: ", ")
                + "; in the world of operators: "
                + OperatorMistake.allCases.map(\.rawValue).joined(separator: ", ") + "."
        )
    )
    var bug: [String] = []

    @Option(help: "Do not listen to a checker (its name is what a violation begins with).")
    var ignore: [String] = []

    func overrides() throws -> Overrides {
        var overrides = Overrides()
        if let world {
            guard let kind = Options.Kind(rawValue: world) else {
                throw ValidationError("There is no world \(world); use members, core or operators.")
            }
            overrides.kind = kind
        }
        if let members, !(1...7).contains(members) {
            throw ValidationError("--members must be 1 to 7.")
        }
        overrides.members = members
        overrides.clients = clients
        overrides.observers = observers
        overrides.holders = holders
        overrides.duration = duration
        overrides.ignored = ignore
        for name in without {
            guard let fault = Fault(rawValue: name) else {
                throw ValidationError("There is no fault \(name); --help lists them.")
            }
            overrides.without.append(fault)
        }
        for name in bug {
            if let mistake = OperatorMistake(rawValue: name) {
                overrides.mistake = mistake
                continue
            }
            guard let planted = PlantedBugs.all.first(where: { $0.name == name }) else {
                throw ValidationError("There is no planted bug \(name); --help lists them.")
            }
            overrides.bugs.insert(planted.bug)
        }
        return overrides
    }
}
