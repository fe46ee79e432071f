import ClusterAPI
import Planning
import Testing

@Suite struct BootstrapTests {
    @Test func `rule 11: a new cluster is planned, then started, then bootstrapped`() {
        #expect(plan(Orders.fresh()).steps == [.allocate(members: 3)])

        let planned = Orders.cluster(
            Orders.record(.planned, launched: false),
            directory: .gone,
            running: false
        )
        #expect(
            plan(planned).steps == [
                .begin, .start(member: "orders-0", as: .new), .start(member: "orders-1", as: .new),
                .start(member: "orders-2", as: .new),
            ]
        )

        let serving = Orders.cluster(Orders.record(.started))
        #expect(plan(serving).steps == [.markBootstrapped])
        #expect(plan(serving.with { $0.phase = .bootstrapped }).steps.isEmpty)
    }

    @Test func `rule 11: endpoints are public only after bootstrapped`() {
        for (phase, count) in [(ClusterRecord.Phase.started, 0), (.bootstrapped, 3)] {
            let seen = Orders.cluster(Orders.record(phase))
            let status = status(of: seen, plan: plan(seen), failure: nil, previous: nil)
            #expect(status.endpoints.count == count)
        }
    }

    @Test func `rule 11: nothing is created over directories, trash or processes`() {
        for leftover in ["members/orders-0 exists", "trash exists", "process 99 runs"] {
            var seen = Orders.fresh()
            seen.leftovers = [leftover]
            #expect(plan(seen).steps.isEmpty)
            #expect(plan(seen).notes.map(\.reason) == ["BootstrapRefused"])
        }
    }

    @Test func `a lost record is rebuilt from directories that agree`() {
        var seen = Orders.fresh()
        seen.leftovers = ["members/orders-0 exists"]
        seen.rebuilt = Orders.record(.bootstrapped)
        #expect(plan(seen).steps == [.adoptRecord(Orders.record(.bootstrapped))])
    }

    @Test func `a rebuilt record gives nobody the name of a member in the trash`() {
        var record = Orders.record(.bootstrapped)
        record.passOver(["orders-1", "orders-7", "orders-x", "others-9", "orders-", "orders"])
        #expect(record.nextOrdinal == 8)
        record.passOver(["orders-\(Int.max)", "orders-99999999999999999999"])
        #expect(record.nextOrdinal == 8)
    }

    @Test func `rule 11: data or a process before the first start refuses the whole bootstrap`() {
        let planned = Orders.cluster(
            Orders.record(.planned, launched: false),
            directory: .gone,
            running: false
        )
        for state in [DirectoryState.intact, .foreign("x"), .unknown("x"), .damaged("x")] {
            #expect(plan(planned.with(1) { $0.directory = state }).steps.isEmpty)
        }
        let running = planned.with(2) { $0.process = .running(processID: 4, since: .zero) }
        #expect(plan(running).steps.isEmpty)
    }

    @Test func `rule 11: started without a log is refused and not seeded again`() {
        let seen = Orders.cluster(Orders.record(.started), directory: .empty, running: false)
        #expect(plan(seen).steps.isEmpty)
        #expect(plan(seen).notes.allSatisfy { $0.reason == "BootstrapRefused" })
        let gone = Orders.cluster(Orders.record(.started), directory: .gone, running: false)
        #expect(plan(gone.ended(0, .failed(code: 1, lastWords: ""))).steps.isEmpty)
    }

    @Test func `rule 11: a start that was seen to fail before it wrote anything is withdrawn`() {
        let seen = Orders.cluster(Orders.record(.started), directory: .empty, running: false)
            .ended(1, .portInUse("listen tcp: address already in use"), served: false)
        #expect(plan(seen).steps == [.withdrawLaunch(member: "orders-1")])
        let again = seen.with { $0.members[1].launched = false }
        #expect(plan(again).steps == [.start(member: "orders-1", as: .new)])
        // What served, or had a log, or was stopped on purpose, has not failed to start.
        let served = Orders.cluster(Orders.record(.started), directory: .empty, running: false)
            .ended(1, .signal(9), served: true)
        #expect(plan(served).steps.isEmpty)
        #expect(plan(seen.with { $0.members[1].hasLog = true }).steps.isEmpty)
        let stopped = Orders.cluster(Orders.record(.started), directory: .empty, running: false)
            .ended(1, .stopped, served: false)
        #expect(plan(stopped).steps.isEmpty)
        let unseen = Orders.cluster(Orders.record(.started), directory: .empty, running: false)
            .ended(1, .unseen, witnessed: false)
        #expect(plan(unseen).steps.isEmpty)
    }

    @Test(arguments: [DirectoryState.empty, .gone, .damaged("crc")])
    func `rule 11: whose first log is lost is replaced once the others serve, and never seeded`(
        state: DirectoryState
    ) {
        let seen = Orders.cluster(Orders.record(.started)).ended(1, .unseen).with(1) {
            $0.directory = state
        }
        #expect(plan(seen).steps == [.markBootstrapped])
        // From then on it is like any other that has lost its data.
        let later = seen.with { $0.phase = .bootstrapped }
        #expect(plan(later).steps.map(\.description) == ["give up orders-1"])
        // Nobody knows what is there, or whether the others are a quorum.
        #expect(plan(seen.with(1) { $0.directory = .unknown("EIO") }).steps.isEmpty)
        let two = seen.hanging(2, for: .seconds(1))
        #expect(plan(two).steps.isEmpty && plan(two).blockedBy != nil)
    }

    @Test func `a member that was not reached by the first start is started as new`() {
        let seen = Orders.cluster(Orders.record(.started))
            .with { $0.members[2].launched = false }
            .with(2) {
                $0.directory = .gone
                $0.process = .none
                $0.probe = Probe(.exited)
            }
        #expect(plan(seen).steps == [.start(member: "orders-2", as: .new)])
    }

    @Test func `not bootstrapped before every log is in place and a quorum serves`() {
        let seen = Orders.cluster(Orders.record(.started))
        #expect(plan(seen.with(0) { $0.directory = .empty }).steps.isEmpty)
        let one = seen.with(0) { $0.probe = Probe(.noLeader) }
        #expect(plan(one).steps == [.markBootstrapped])
        #expect(plan(one.with(1) { $0.probe = Probe(.noLeader) }).steps.isEmpty)
        var unlisted = seen
        unlisted.memberList = nil
        #expect(plan(unlisted).steps.isEmpty)
    }

    @Test func `replicas 0 and a vanished spec create nothing`() {
        var seen = Orders.fresh()
        seen.spec.replicas = 0
        #expect(plan(seen).steps.isEmpty)
        var vanished = Orders.fresh()
        vanished.missing = SpecMissing(lasting: .zero, sourceReadable: true, vanishedTogether: 1)
        #expect(plan(vanished).steps.isEmpty)
    }

    @Test func `ids are known beforehand`() {
        // What etcd 3.4.23 printed for these flags.
        let one = ExpectedIdentity(peerURLs: ["http://localhost:2380"], token: "etcd-cluster")
        #expect(one.memberIDs == ["8e9e05c52164694d"])
        #expect(one.clusterID == "cdf818194e3a8c32")
    }
}
