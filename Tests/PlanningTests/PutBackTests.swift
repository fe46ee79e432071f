import ClusterAPI
import Planning
import Testing

/// Directories that were mixed up are put back, one rename after the other.
@Suite struct PutBackTests {
    private func stopped(_ directories: [DirectoryState]) -> Observation {
        var seen = Orders.cluster(Orders.record(.bootstrapped), running: false)
        for (index, directory) in directories.enumerated() {
            seen.members[index].directory = directory
        }
        return seen
    }

    private func others(_ owner: Int) -> DirectoryState { .misplaced(owner: "orders-\(owner)") }

    @Test func `two that were swapped come back by way of a free name`() {
        let first = plan(stopped([others(1), others(0), .intact]))
        #expect(first.steps == [.putAside(member: "orders-1", from: "orders-0")])
        #expect(first.notes.map(\.reason) == ["ForeignData", "ForeignData"])
        // What each rename leaves is all that the next step needs.
        let second = plan(stopped([.gone, others(0), .intact]))
        #expect(second.steps == [.putBack(member: "orders-0", from: "orders-1")])
        let third = plan(stopped([.intact, .aside, .intact]))
        #expect(third.steps == [.putBack(member: "orders-1", from: ".orders-1")])
    }

    @Test func `what was put aside comes back first, then what has a free place`() {
        let aside = plan(stopped([.gone, .aside, .intact]))
        #expect(aside.steps == [.putBack(member: "orders-1", from: ".orders-1")])
        let free = plan(stopped([.gone, others(0), .intact]))
        #expect(free.steps == [.putBack(member: "orders-0", from: "orders-1")])
    }

    @Test func `nothing is moved that is in use, or whose place is`() {
        for index in 0..<2 {
            let swapped = stopped([others(1), others(0), .intact])
                .with(index) { $0.process = .foreign("process 99") }
            #expect(plan(swapped).steps == [.start(member: "orders-2", as: .existing)])
        }
    }

    @Test func `whoever was started in another's directory is stopped`() {
        // Somebody exchanged them between our look and the start.
        let seen = Orders.healthy().ended(1)
            .with(0) { $0.directory = others(1) }.with(1) { $0.directory = others(0) }
        #expect(plan(seen).steps == [.stop(members: ["orders-0"])])
        let both = Orders.healthy()
            .with(0) { $0.directory = others(1) }.with(1) { $0.directory = others(0) }
        #expect(plan(both).steps == [.stop(members: ["orders-0", "orders-1"])])
    }

    @Test func `a second directory of the same member is left where it is`() {
        let doubled = plan(stopped([others(1), .intact, .intact]))
        #expect(
            doubled.steps == [
                .start(member: "orders-1", as: .existing),
                .start(member: "orders-2", as: .existing),
            ]
        )
        #expect(doubled.notes.map(\.reason) == ["ForeignData"])
        let unsure = plan(stopped([others(1), .unknown("EIO"), .intact]))
        #expect(unsure.steps == [.start(member: "orders-2", as: .existing)])
    }

    @Test func `whoever has none counts as lost only once all have been put back`() {
        // orders-0's own is nowhere, and orders-1 serves beside orders-2's in a wrong place.
        let seen = Orders.healthy().ended(0).ended(2)
            .with(0) { $0.directory = .gone }.with(2) { $0.directory = .aside }
            .with(2) { $0.process = .foreign("process 99") }
        #expect(plan(seen).steps.isEmpty)
    }

    @Test func `it waits while the cluster is to stand still`() {
        var seen = stopped([others(1), others(0), .intact])
        #expect(plan(seen.with { $0.desired = .down }).steps.isEmpty)
        seen.spec.paused = true
        #expect(plan(seen).steps.isEmpty)
    }
}
