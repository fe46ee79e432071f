import Chance
import EtcdProto
import FoundationEssentials
import Keyspace

/// A client that holds a lease for a while, with keys that go with it, and then revokes it or lets
/// it end.
final class Holder {
    /// In seconds; the shortest that is granted may be longer.
    static let longestTTL: Int64 = 8

    private let id: Int
    private unowned let world: World
    private var generator: Generator
    private var isStopped = false
    private var lease: (id: Int64, ttl: Int64)?
    /// One that it had before.
    private var former: Int64?
    private var count = 0
    /// Of the request that it waits for.
    private var token = 0
    private let patience: Int
    private let longest: Int

    init(_ id: Int, _ world: World) {
        self.id = id
        self.world = world
        generator = world.stage.seed.generator(for: 3_000 + UInt64(id))
        patience = generator.pick([1_000, 4_000, 9_000])
        longest = generator.pick([50, 300, 1_500, 4_000])
    }

    func start() { rest() }

    /// Asks nothing any more: its lease has to end.
    func stop() { isStopped = true }

    private func rest() {
        let pause = generator.within(5...longest)
        world.stage.plan(in: pause * 1_000) { [unowned self] in
            if !isStopped { act() }
        }
    }

    private func act() {
        let index = generator.below(world.machines.count)
        let roll = generator.below(100)
        let key = "l\(generator.below(5))"
        guard world.isRunning(index) else { return rest() }
        begin()
        count += 1
        guard let lease else {
            if let former, roll < 25 { return renew(former, index) }
            return grant(index)
        }
        switch roll {
        case 0..<45: renew(lease.id, index)
        case 45..<75: put(key, roll < 48 ? 0 : lease.id, index)
        case 75..<82: ask(lease.id, index)
        case 82..<87: delete(key, index)
        case 87..<92: if let former { put(key, former, index) } else { rest() }
        case 92..<96: revoke(lease.id, index)
        default:
            forgetLease()
            rest()
        }
    }

    private func forgetLease() {
        former = lease?.id
        lease = nil
    }

    // MARK: Waiting

    private func begin() {
        token += 1
        let token = token
        world.stage.plan(in: patience * 1_000) { [unowned self] in end(token) {} }
    }

    /// An answer, or the end of patience, whichever comes first.
    private func end(_ token: Int, _ learn: () -> Void) {
        guard token == self.token else { return }
        self.token += 1
        learn()
        rest()
    }

    // MARK: Requests

    private func grant(_ index: Int) {
        var request = InternalRaftRequest()
        request.leaseGrant.id = generator.chance(0.2) ? 0 : Int64((id + 1) * 100_000 + count)
        request.leaseGrant.ttl = Int64(generator.pick([1, 1, 2, 3, 5, Int(Self.longestTTL)]))
        let sent = world.stage.now
        world.proposeForLease(request, on: index) { [unowned self, token] result in
            guard case .success(.leaseGrant(let response)) = result else { return end(token) {} }
            world.report(
                world.leases.granted(
                    response.id,
                    ttl: response.ttl,
                    sent: sent,
                    fastestClock: world.fastestClock
                )
            )
            end(token) { lease = (response.id, response.ttl) }
        }
    }

    private func renew(_ lease: Int64, _ index: Int) {
        world.askAboutLease(.renewal, lease, on: index) { [unowned self, token] answer in
            end(token) { if answer == .notFound, lease == self.lease?.id { forgetLease() } }
        }
    }

    private func ask(_ lease: Int64, _ index: Int) {
        world.askAboutLease(.timeToLive, lease, on: index) { [unowned self, token] answer in
            end(token) { if answer == .notFound, lease == self.lease?.id { forgetLease() } }
        }
    }

    private func put(_ key: String, _ lease: Int64, _ index: Int) {
        var request = InternalRaftRequest()
        let value = "h\(id).\(count)"
        request.put.key = Data(key.utf8)
        request.put.value = Data(value.utf8)
        request.put.lease = lease
        world.proposeForLease(request, on: index) { [unowned self, token] result in
            if case .success(.put(let response)) = result {
                world.history.acknowledge(key, value, at: response.header.revision)
            }
            end(token) { if result.isLeaseNotFound, lease == self.lease?.id { forgetLease() } }
        }
    }

    private func delete(_ key: String, _ index: Int) {
        var request = InternalRaftRequest()
        request.deleteRange.key = Data(key.utf8)
        world.proposeForLease(request, on: index) { [unowned self, token] _ in end(token) {} }
    }

    private func revoke(_ lease: Int64, _ index: Int) {
        var request = InternalRaftRequest()
        request.leaseRevoke.id = lease
        world.proposeForLease(request, on: index) { [unowned self, token] result in
            end(token) { if case .success = result { forgetLease() } }
        }
    }
}

extension Swift.Result<ApplyResponse, EtcdError> {
    fileprivate var isLeaseNotFound: Bool {
        if case .failure(.leaseNotFound) = self { true } else { false }
    }
}
