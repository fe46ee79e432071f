import ClusterAPI
import Planning
import TestKit
import Testing

/// Random observations, sensible or not, and what must hold for the plan of every one of them.
@Suite struct PropertyTests {
    @Test(arguments: Seed.batch(40)) func `no plan breaks a safety rule`(seed: Seed) {
        var generator = seed.generator()
        for _ in 0..<200 {
            let seen = observation(&generator)
            let plan = plan(seen)
            check(plan, seen)
            hold(plan == Planning.plan(seen))
        }
    }

    private func check(_ plan: Plan, _ seen: Observation) {
        hold(plan.steps.filter(\.isDisruptive).count <= 1)
        hold(plan.recheckAfter > .zero)
        hold(!plan.reason.isEmpty)
        if seen.spec.paused { hold(plan.steps.isEmpty) }
        guard case .read(let record) = seen.record else {
            for step in plan.steps {
                switch step {
                case .allocate: hold(seen.leftovers.isEmpty && seen.record == .absent)
                case .adoptRecord: hold(seen.record == .absent)
                default: Issue.record("\(step) without a record")
                }
            }
            return
        }
        for step in plan.steps { check(step, plan, record, seen) }
    }

    private func check(_ step: Step, _ plan: Plan, _ record: ClusterRecord, _ seen: Observation) {
        switch step {
        case .start(let name, let state):
            guard let member = record.member(name),
                let observed = seen.members.first(where: { $0.name == name })
            else {
                Issue.record("\(name) is nobody")
                return
            }
            hold(record.desired == .up)
            hold(seen.spec.replicas > 0)
            hold(observed.process == .none)
            switch state {
            case .new:
                hold(observed.directory == .empty || observed.directory == .gone)
                hold(record.phase == .started || plan.steps.first == .begin)
                hold(record.phase == .planned || !member.launched)
            case .existing:
                hold(observed.directory == .intact)
            }
        case .begin:
            hold(record.phase == .planned)
        case .markBootstrapped:
            hold(record.phase == .started)
            hold(seen.members.allSatisfy { $0.directory == .intact })
        case .withdrawLaunch(let name):
            let observed = seen.members.first { $0.name == name }
            hold(observed?.directory == .empty && observed?.exits.last?.witnessed == true)
        case .stop:
            hold(record.desired != .up || seen.spec.replicas == 0)
        case .discard:
            hold(record.desired == .deleted)
            hold(seen.members.allSatisfy { $0.process == .none })
        case .latch(let desired):
            hold(desired == .deleted && seen.spec.deletionPolicy == .delete)
        case .allocate(let count):
            hold(record.phase == .planned && record.members.count != count)
            hold(record.members.allSatisfy { !$0.launched })
        case .adoptRecord:
            Issue.record("\(step) over a record")
        }
    }

    /// `#expect` for a condition that is checked very often.
    private func hold(_ condition: Bool, line: Int = #line) {
        if !condition { Issue.record("the rule of line \(line) does not hold") }
    }

    private func observation(_ generator: inout Generator) -> Observation {
        var record = Orders.record(generator.pick(ClusterRecord.Phase.allCases))
        record.desired = generator.pick([.up, .up, .up, .down, .deleted])
        for index in record.members.indices {
            record.members[index].launched =
                record.phase == .planned ? false : generator.chance(0.8)
        }
        var seen = Orders.cluster(record, running: generator.chance(0.5))
        for index in seen.members.indices where generator.chance(0.6) {
            seen.members[index] = member(seen.members[index], &generator)
        }
        seen.spec.replicas = generator.pick([0, 3, 3, 3, 5])
        seen.spec.paused = generator.chance(0.05)
        seen.spec.deletionPolicy = generator.pick([.retain, .delete])
        if generator.chance(0.3) {
            seen.missing = SpecMissing(
                lasting: .seconds(generator.below(1200)),
                sourceReadable: generator.chance(0.8),
                vanishedTogether: generator.below(3)
            )
        }
        if generator.chance(0.2) { seen.memberList = nil }
        if generator.chance(0.1) { seen.memberList?.entries.removeLast() }
        if generator.chance(0.3) { seen.leftovers = ["trash exists"] }
        if generator.chance(0.05) { seen.processesUnknown = "no /proc" }
        if generator.chance(0.15) {
            seen.record = generator.chance(0.7) ? .absent : .unusable("damaged")
            seen.members = []
            if generator.chance(0.3) { seen.rebuilt = record }
        }
        return seen
    }

    private func member(
        _ member: MemberObservation,
        _ generator: inout Generator
    ) -> MemberObservation {
        var changed = member
        changed.directory = generator.pick([
            .intact, .empty, .gone, .damaged("x"), .foreign("x"), .unknown("x"),
        ])
        changed.process = generator.pick([
            .none, .none, .running(processID: 5, since: .seconds(generator.below(1000))),
            .foreign("x"),
        ])
        changed.probe = Probe(generator.pick(Probe.Verdict.allCases))
        if generator.chance(0.1) { changed.probe.clusterID = "bad" }
        for _ in 0..<generator.below(4) {
            let exit = ExitHistory.Exit(
                cause: generator.pick([.signal(9), .corruption("crc"), .unseen, .portInUse("x")]),
                at: .seconds(generator.below(1000)),
                witnessed: generator.chance(0.5)
            )
            changed.exits.record(
                exit,
                served: generator.chance(0.5),
                ranFor: .seconds(generator.below(4))
            )
        }
        return changed
    }
}
