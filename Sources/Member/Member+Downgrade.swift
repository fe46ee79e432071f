import EtcdProto
package import Keyspace
import Logging

/// Lowering the cluster's version by one minor number, so that members of the version before can
/// take over one by one.
extension Member {
    package typealias DowngradeReply = (EtcdError?) -> Void

    /// Whether the cluster could be downgraded to this version now.
    package func validateDowngrade(to version: String, _ reply: @escaping DowngradeReply) {
        guard let target = Self.clusterVersion(version) else {
            return reply(.wrongDowngradeVersionFormat)
        }
        guard membership.clusterVersion != nil else { return reply(.clusterVersionUnavailable) }
        read { [weak self] error in
            guard let self else { return reply(.stopped) }
            reply(error ?? problem(withDowngradeTo: target))
        }
    }

    /// Tells all members that the cluster is being downgraded; the leader lowers its version.
    package func enableDowngrade(to version: String, _ reply: @escaping DowngradeReply) {
        guard let target = Self.clusterVersion(version) else {
            return reply(.wrongDowngradeVersionFormat)
        }
        read { [weak self] error in
            guard let self else { return reply(.stopped) }
            if let error = error ?? problem(withDowngradeTo: target) { return reply(error) }
            setDowngrade(Downgrade(isEnabled: true, target: target.description), reply)
        }
    }

    /// Ends a downgrade that is under way; the version rises again with the members'.
    package func cancelDowngrade(_ reply: @escaping DowngradeReply) {
        read { [weak self] error in
            guard let self else { return reply(.stopped) }
            if let error { return reply(error) }
            guard membership.isDowngrading else { return reply(.noInflightDowngrade) }
            setDowngrade(Downgrade(isEnabled: false, target: ""), reply)
        }
    }

    private func problem(withDowngradeTo target: ServerVersion) -> EtcdError? {
        guard let current = membership.clusterVersion else { return .clusterVersionUnavailable }
        guard target == current.oneMinorLower else { return .invalidDowngradeTargetVersion }
        return membership.isDowngrading ? .downgradeInProcess : nil
    }

    private func setDowngrade(_ downgrade: Downgrade, _ reply: @escaping DowngradeReply) {
        var request = InternalRaftRequest()
        request.downgradeInfoSet.enabled = downgrade.isEnabled
        request.downgradeInfoSet.ver = downgrade.target
        propose(request) { result in
            if case .failure(let error) = result { reply(error) } else { reply(nil) }
        }
    }

    /// The version that a downgrade under way asks for, if the cluster and all members may have
    /// it: the present one or the one before.
    func downgradeTarget(lowest: ServerVersion) -> ServerVersion? {
        guard let downgrade = membership.downgrade, downgrade.isEnabled,
            let target = ServerVersion(downgrade.target), let current = membership.clusterVersion,
            [current, lowest].allSatisfy({ $0 == target || $0.oneMinorLower == target })
        else { return nil }
        return target
    }

    /// As leader, ends a downgrade when every member has the version that it asked for.
    func finishDowngrade(lowest: ServerVersion, highest: ServerVersion) {
        guard let downgrade = membership.downgrade, downgrade.isEnabled,
            let target = ServerVersion(downgrade.target), lowest == target, highest == target
        else { return }
        logger.info("the cluster has been downgraded", metadata: ["version": "\(target)"])
        upkeep.versionIsUnderWay = true
        setDowngrade(Downgrade(isEnabled: false, target: "")) { [weak self] _ in
            self?.upkeep.versionIsUnderWay = false
        }
    }

    /// `3.5`, `3.5.0` or `3.5.7`, of which the patch does not count.
    private static func clusterVersion(_ text: String) -> ServerVersion? {
        (ServerVersion(text) ?? ServerVersion(text + ".0"))?.withoutPatch
    }
}

extension ServerVersion {
    fileprivate var oneMinorLower: ServerVersion? {
        minor > 0 ? ServerVersion(major: major, minor: minor - 1) : nil
    }
}

extension Membership {
    package var isDowngrading: Bool { downgrade?.isEnabled ?? false }
}
