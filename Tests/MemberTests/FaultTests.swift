import Member
import Storage
import TestKit
import Testing

/// Seeded worlds in which anything may fail, in the hope of finding what nobody thought of.
@Suite struct FaultTests {
    @Test(arguments: Seed.batch(50))
    func `acknowledged writes survive crashes of all members, and reads are never stale`(
        seed: Seed
    ) throws {
        let world = try disturbedWorld(seed)
        let isQuiet = try world.converges(within: 120_000)
        #expect(isQuiet, "no progress after the faults had stopped; \(seed.testDescription)")
        #expect(world.violations.isEmpty, "\(seed.testDescription)")
        #expect(world.history.pending == 0)
    }

    /// The checks themselves are checked: a mistake made on purpose must be found by some seed.
    @Test(arguments: [WorldOptions.Bug.skipsSync, .readsAtOnce])
    func `a member with a known bug is found out`(bug: WorldOptions.Bug) throws {
        let isFound = (1...20).contains { (number: UInt64) in
            do {
                let world = try disturbedWorld(Seed(number), bug)
                let isQuiet = try world.converges(within: 20_000)
                return !isQuiet || !world.violations.isEmpty
            } catch {
                // A start that is refused is a find, too.
                return true
            }
        }
        #expect(isFound)
    }

    private func disturbedWorld(
        _ seed: Seed,
        _ bug: WorldOptions.Bug = .none
    ) throws -> World {
        var generator = seed.generator()
        var options = WorldOptions.swarm(&generator)
        options.bug = bug
        let world = try World(seed, options)
        try world.startAll()
        var count = 0
        for _ in 0..<60 {
            try disturb(world, &generator)
            for _ in 0..<generator.below(12) {
                let index = generator.below(options.members)
                if generator.chance(0.7) {
                    world.put("k\(generator.below(5))", "v\(count)", on: index)
                } else {
                    world.get("k\(generator.below(5))", on: index)
                }
                count += 1
            }
            try world.run(milliseconds: generator.below(1_500))
        }
        return world
    }

    private func disturb(_ world: World, _ generator: inout Generator) throws {
        let indices = Array(world.machines.indices)
        switch generator.below(12) {
        case 0, 1:
            world.crash(generator.pick(indices), tear: generator.pick(MemoryDisk.Tear.allCases))
        case 2:
            for index in indices {
                world.crash(index, tear: generator.pick(MemoryDisk.Tear.allCases))
            }
        case 3:
            world.partition(indices.filter { _ in generator.chance(0.4) })
        case 4:
            world.healNetwork()
        case 5, 6, 7:
            try world.startAll()
        case 8:
            let index = generator.pick(indices)
            if world.machines[index].member == nil { try world.start(index) }
        default:
            break
        }
    }
}
