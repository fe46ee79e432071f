package import ClusterAPI
package import Planning
import Synchronization

/// What the workers of all clusters know together.
///
/// When many members of the machine seem to fail at one moment it is more likely that the observer
/// fails: nothing disruptive is done on the word of its probes then (safety rule 16). And members
/// are replaced in few clusters at a time.
package final class Fleet: Sendable {
    private struct Cluster {
        /// Members that run, and since when each fails.
        var failing: [String: Duration] = [:]
        var running = 0
        /// It gets a member in place of one that was given up, and nothing keeps it from that.
        var isReplacing = false
        var isDefragmenting = false
    }

    private let clusters = Mutex<[ClusterName: Cluster]>([:])
    /// Failures this near to each other count as one event.
    private static let moment = Duration.seconds(10)
    /// For so long after it a suspicion lasts; what still fails then does fail.
    private static let suspicion = Duration.seconds(600)
    /// Of fewer members nothing can be concluded.
    private static let fewMembers = 6
    /// Each rewrites a whole database.
    private static let mostDefragmenting = 2

    package init() {}

    package func observe(_ seen: Observation, _ record: ClusterRecord) -> FleetObservation {
        var own = Cluster()
        for member in seen.members where member.isRunning {
            own.running += 1
            if let since = member.failingSince { own.failing[member.name] = since }
        }
        own.isReplacing =
            record.isReplacing && record.desired == .up && seen.spec.replicas > 0
            && Electorate(seen)?.hasQuorum == true
        return clusters.withLock { clusters in
            own.isDefragmenting = clusters[seen.name]?.isDefragmenting ?? false
            clusters[seen.name] = own
            var fleet = FleetObservation()
            fleet.replacing = clusters.count { $0.key != seen.name && $0.value.isReplacing }
            fleet.suspicion = Fleet.suspicion(in: clusters, at: seen.now.monotonic)
            return fleet
        }
    }

    /// Takes a place among the few clusters whose members are replaced or defragmented at one time.
    /// Returns why there is none; nil when the step may be taken.
    package func hindrance(to step: Step, of cluster: ClusterName) -> String? {
        clusters.withLock { clusters in
            func others(_ isBusy: KeyPath<Cluster, Bool>) -> Int {
                clusters.count { $0.key != cluster && $0.value[keyPath: isBusy] }
            }
            switch step {
            case .retire(_, let departure) where departure.isFinal:
                guard others(\.isReplacing) < FleetObservation.mostReplacing else {
                    return "\(others(\.isReplacing)) other clusters to be repaired"
                }
                clusters[cluster, default: Cluster()].isReplacing = true
            case .defragment:
                guard others(\.isDefragmenting) < Fleet.mostDefragmenting else {
                    return "\(others(\.isDefragmenting)) other clusters to be defragmented"
                }
                clusters[cluster, default: Cluster()].isDefragmenting = true
            default: break
            }
            return nil
        }
    }

    /// What the step needed a place for is over, if it does not show in what is observed.
    package func ended(_ step: Step, of cluster: ClusterName) {
        guard case .defragment = step else { return }
        clusters.withLock { $0[cluster]?.isDefragmenting = false }
    }

    package func forget(_ cluster: ClusterName) {
        clusters.withLock { _ = $0.removeValue(forKey: cluster) }
    }

    private static func suspicion(
        in clusters: [ClusterName: Cluster],
        at now: Duration
    ) -> String? {
        let running = clusters.values.reduce(0) { $0 + $1.running }
        guard running >= fewMembers else { return nil }
        let begins = clusters.values.flatMap(\.failing.values).filter { now - $0 < suspicion }
        for begin in begins {
            let together = begins.count { $0 >= begin && $0 - begin <= moment }
            guard together * 3 > running else { continue }
            return
                "\(together) of \(running) members on this machine ceased to answer at one time, "
                + "so it may be the operator that cannot reach them"
        }
        return nil
    }
}
