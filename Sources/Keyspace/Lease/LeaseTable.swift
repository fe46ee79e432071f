/// All leases, and which key goes with which: whole in memory.
///
/// The rows of leases are in the `lease` bucket. That a key goes with a lease is only in the key's
/// own record, so that is found out anew at start.
package struct LeaseTable {
    /// Where a key stands.
    private struct Place {
        var lease: LeaseID
        var position: Int
    }

    private var leases: [LeaseID: Lease] = [:]
    private var places: [[UInt8]: Place] = [:]

    package var count: Int { leases.count }

    /// No key goes with any lease.
    var isWithoutKeys: Bool { places.isEmpty }

    package subscript(id: LeaseID) -> Lease? { leases[id] }

    /// All of them, by their numbers.
    package var all: [Lease] { leases.values.sorted { $0.id < $1.id } }

    mutating func insert(_ lease: Lease) {
        leases[lease.id] = lease
    }

    mutating func setRemaining(_ seconds: Int64, of id: LeaseID) {
        leases[id]?.remainingTTL = seconds
    }

    /// Makes those that are shorter so long.
    mutating func raise(to minimum: Int64) {
        for id in leases.keys { leases[id]?.grantedTTL.raise(to: minimum) }
    }

    /// Removes a lease that has no keys any more.
    mutating func remove(_ id: LeaseID) {
        guard leases.removeValue(forKey: id)?.keys.isEmpty == true else {
            fatalError("lease \(id) is not known, or keys are left to it")
        }
    }

    // MARK: Keys

    /// The lease that a key goes with.
    func lease(of key: [UInt8]) -> LeaseID? { places[key]?.lease }

    /// Makes a key go with a lease, and with no other. With 0, or a lease that is not known, it
    /// goes with none.
    mutating func attach(_ key: [UInt8], to lease: Int64) {
        let id = LeaseID(lease)
        if let place = places[key] {
            if place.lease == id { return }
            detach(key, from: place)
        }
        guard lease != 0, let position = leases[id]?.keys.count else { return }
        places[key] = Place(lease: id, position: position)
        leases[id]?.keys.append(key)
    }

    /// Makes a key go with no lease.
    mutating func detach(_ key: [UInt8]) {
        if let place = places[key] { detach(key, from: place) }
    }

    /// The last key of the lease takes the place of the one that leaves.
    private mutating func detach(_ key: [UInt8], from place: Place) {
        places[key] = nil
        guard let last = leases[place.lease]?.keys.popLast() else {
            fatalError("lease \(place.lease) does not know of its key")
        }
        guard last != key else { return }
        leases[place.lease]?.keys[place.position] = last
        places[last]?.position = place.position
    }
}

extension Int64 {
    fileprivate mutating func raise(to minimum: Int64) {
        self = Swift.max(self, minimum)
    }
}
