package import ClusterAPI

/// A change of how members are launched, from the moment it is decided until every member has it:
/// part of `cluster.json`.
///
/// One member after the other gets a new launch record (`Member.next`), is stopped, and started
/// with it; the old one stays (`Member.lastGood`) until the new one has proven itself (safety rule
/// 15). Whoever dies on the way leaves a record from which the next pass goes on.
package struct Rollout: Hashable, Sendable, Codable {
    /// What members are launched with from now on. Not always what is wanted in the end: see
    /// `ClusterRecord.target(for:)`.
    package var target: EtcdCluster
    /// What is wanted in the end.
    package var goal: EtcdCluster
    /// The operator's own copy of the program, as in `LaunchRecord`.
    package var program: String
    package var sha256: String
    /// Why no further member is changed until the spec is; nil while it goes on.
    package var halted: String?

    package init(target: EtcdCluster, goal: EtcdCluster, program: String, sha256: String) {
        self.target = target
        self.goal = goal
        self.program = program
        self.sha256 = sha256
    }
}

extension LaunchRecord {
    /// The value of a flag, by its name without dashes.
    func value(of flag: String) -> String? {
        let prefix = "--\(flag)="
        return arguments.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// It starts the member of this package, whose data no etcd can read, and the other way round:
    /// only that has this flag.
    package var isEmbedded: Bool { value(of: "compatibility") != nil }

    /// It makes a member behave as the other does, whoever was in the cluster at the first starts.
    package func isLike(_ other: LaunchRecord) -> Bool {
        func rest(_ launch: LaunchRecord) -> [String] {
            launch.arguments.filter { !$0.hasPrefix("--initial-cluster=") }
        }
        return program == other.program && sha256 == other.sha256 && rest(self) == rest(other)
    }

    fileprivate func milliseconds(_ flag: String) -> Duration? {
        value(of: flag).flatMap { Int64($0) }.map { .milliseconds($0) }
    }
}

extension ClusterSpec {
    package var isEmbedded: Bool { if case .embedded = engine { true } else { false } }
}

extension ClusterRecord {
    /// The spec by which a launch record's program was chosen.
    package func spec(behind launch: LaunchRecord) -> ClusterSpec {
        if let rollout, rollout.sha256 == launch.sha256 { return rollout.target.spec }
        return applied.spec
    }

    /// How a member should be launched by now; nil when it was never launched, or nothing is rolled
    /// out.
    package func wantedLaunch(of member: Member) -> LaunchRecord? {
        guard let rollout, let launch = member.next ?? member.launch else { return nil }
        let flags = MemberFlags(record: self, spec: rollout.target.spec)
        return LaunchRecord(
            program: rollout.program,
            sha256: rollout.sha256,
            arguments: flags.arguments(member, insteadOf: launch)
        )
    }

    /// Another launch of it, or another member in its place, is wanted by now.
    package func isOutdated(_ member: Member) -> Bool {
        isMisplaced(member) || isLaunchedOtherwise(member)
    }

    /// It is launched otherwise than is wanted by now.
    package func isLaunchedOtherwise(_ member: Member) -> Bool {
        wantedLaunch(of: member).map { $0 != member.next ?? member.launch } ?? false
    }

    /// It listens elsewhere than is wanted by now. A member never moves: others know it by its
    /// address.
    func isMisplaced(_ member: Member) -> Bool {
        guard let network = rollout?.target.spec.network else { return false }
        return member.slot.address != network.address
            || network.basePort != 0 && member.slot.block != network.basePort
    }

    /// The member gets its last good launch back the next time it starts, and nobody else gets the
    /// one that it did not come up with.
    package mutating func rollBack(_ member: Member, why: String) {
        // What it failed with may have been given up meanwhile.
        if !isLaunchedOtherwise(member) { rollout?.halted = why }
        // One that was never started with it has nothing to go back to.
        update(member.name) { $0.next = $0.lastGood }
    }

    /// A member that its command line kept down gets what is wanted by now. In a cluster that has
    /// never served nothing speaks for what came before, so whoever joins gets this as well.
    package mutating func correctLaunch(of member: Member) {
        let launch = wantedLaunch(of: member)
        update(member.name) {
            $0.launch = launch
            $0.next = nil
        }
        if phase != .bootstrapped, let rollout { applied = rollout.target }
    }

    /// What is to be rolled out next on the way to this spec: the spec itself, or one between it
    /// and what runs, while leaders with the heartbeats of the one would be too slow for followers
    /// with the timeouts of the other (safety rule 22). The shortest heartbeat and the longest
    /// timeout go together with all.
    package func target(for spec: ClusterSpec) -> EtcdCluster {
        let launches = members.flatMap { [$0.launch, $0.next].compactMap { $0 } }
        // Whoever joins may get what was applied.
        let old = applied.spec.settings
        let beats =
            [old.heartbeatInterval] + launches.compactMap { $0.milliseconds("heartbeat-interval") }
        let timeouts =
            [old.electionTimeout] + launches.compactMap { $0.milliseconds("election-timeout") }
        var target = accepted
        target.spec = spec
        let settings = spec.settings
        let least = ClusterSpec.Settings.leastBeats
        let isSafe =
            beats.allSatisfy { settings.electionTimeout >= $0 * least }
            && timeouts.allSatisfy { $0 >= settings.heartbeatInterval * least }
        if !isSafe {
            target.spec.settings.heartbeatInterval = min(
                settings.heartbeatInterval,
                beats.min() ?? settings.heartbeatInterval
            )
            target.spec.settings.electionTimeout = max(
                settings.electionTimeout,
                timeouts.max() ?? settings.electionTimeout
            )
        }
        return target
    }
}
