import Chance

/// How a world of the operator behaves.
package struct OperatorOptions: Sendable {
    /// Members that are wanted at first.
    package var replicas = 3
    /// Seconds, as in the spec's `healing`.
    package var unhealthyAfter = 20
    package var replaceAfter = 60
    package var learnerTimeout = 600
    package var quorumLossAfter = 30
    /// Seconds between two comparisons of the members' data.
    package var hashCheck = 60
    /// The part of rounds in which a follower takes nothing.
    package var lag = 0.1
    /// Microseconds that an answer takes at most.
    package var slowest = 20_000
    /// What is done wrong on purpose.
    package var mistake: OperatorMistake?

    static func swarm(_ generator: inout Generator) -> OperatorOptions {
        var options = OperatorOptions()
        options.replicas = generator.pick([1, 2, 3, 3, 3, 3, 4, 5])
        options.unhealthyAfter = generator.pick([5, 20, 60])
        options.replaceAfter = options.unhealthyAfter + generator.pick([10, 60, 300])
        options.learnerTimeout = generator.pick([60, 600])
        options.quorumLossAfter = generator.pick([1, 30, 120])
        options.hashCheck = generator.pick([60, 600])
        options.lag = generator.pick([0, 0.1, 0.4])
        options.slowest = generator.pick([5_000, 50_000, 900_000])
        return options
    }

    /// The declaration of the world's cluster.
    func spec(
        replicas: Int,
        isPaused: Bool = false,
        deletes: Bool = false,
        settings: DeclaredSettings = DeclaredSettings()
    ) -> String {
        """
        apiVersion: etcd-operator.dev/v1alpha1
        kind: EtcdCluster
        metadata:
          name: world
        spec:
          replicas: \(replicas)
          paused: \(isPaused)
          deletionPolicy: \(deletes ? "Delete" : "Retain")
        \(settings.text)
          healing:
            unhealthyAfter: \(unhealthyAfter)s
            replaceAfter: \(replaceAfter)s
            learnerTimeout: \(learnerTimeout)s
            quorumLoss:
              policy: Automatic
              after: \(quorumLossAfter)s
          maintenance:
            hashCheck: \(hashCheck)s
        """
    }
}

extension OperatorOptions: CustomStringConvertible {
    package var description: String {
        "\(replicas) replicas, unhealthy after \(unhealthyAfter) s, replaced after"
            + " \(replaceAfter) s, learners have \(learnerTimeout) s, a lost quorum"
            + " \(quorumLossAfter) s, hashes every \(hashCheck) s, lag \(lag), answers in"
            + " \(slowest) µs" + (mistake.map { ", mistake \($0.rawValue)" } ?? "")
    }
}
