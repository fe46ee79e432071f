import Foundation
import TestKit
import Testing

/// What a scenario does to a cluster from outside, and what it reads of it.
extension LoadedCluster {
    /// `quickstart-0` and so on.
    static func names(_ ordinals: Int...) -> [String] { ordinals.map { "quickstart-\($0)" } }

    var folder: String { "\(cluster.stateDirectory)/clusters/default/quickstart" }

    func kill(_ member: String) throws {
        _ = Glibc.kill(try process(of: member), SIGKILL)
    }

    /// While `body` runs the operator stands still, so that what happens to a member that has ended
    /// happens before it is started again.
    func behindTheOperatorsBack(_ body: () async throws -> Void) async throws {
        let controller = cluster.controller
        controller.signal(SIGSTOP)
        defer { controller.signal(SIGCONT) }
        try await body()
    }

    /// Kills members and waits until they have ended.
    func end(_ members: [String]) async throws {
        for member in members { try kill(member) }
        try await eventually("\(members) have ended") {
            !self.cluster.members().contains { members.contains($0.name) }
        }
    }

    /// Waits until these members run as other processes than before.
    func restarted(_ members: [String], since before: [RunningCluster.MemberProcess]) async throws {
        try await eventually("\(members) run again", within: .seconds(60)) {
            let now = self.cluster.members()
            return members.allSatisfy { name in
                now.contains { $0.name == name && !before.contains($0) }
            }
        }
    }

    /// Ends the operator without a word, lets `body` happen, and starts another one.
    func withoutOperator(_ body: () throws -> Void) async throws {
        cluster.controller.signal(SIGKILL)
        try await cluster.controller.waitForExit()
        try body()
        try cluster.startController()
        try await cluster.waitUntilServing()
    }

    /// Ends the operator without a word once so many more writes were acknowledged, and starts
    /// another one at once: some die while they look around, others in the midst of a change.
    func replaceOperator(afterWrites count: Int) async throws {
        let least = ledger.count + count
        try await eventually("\(count) more writes", within: .seconds(60)) {
            self.ledger.count >= least
        }
        cluster.controller.signal(SIGKILL)
        try await cluster.controller.waitForExit()
        try cluster.startController()
    }

    /// Waits until `describe` shows all of these texts.
    func told(_ texts: String...) async throws {
        try await eventually("\(texts) are told", within: .seconds(60)) {
            let outcome = try await self.cluster.operatorCommand("describe", "ec/quickstart")
            return texts.allSatisfy(outcome.output.contains)
        }
    }

    /// The last lines of the operator's log and of each member's.
    func lastWords() -> String {
        let members = fileNames(in: "\(folder)/members").sorted().map { name in
            (name, (try? readFile("\(folder)/members/\(name)/log/member.log")) ?? [])
        }
        let logs = members + [("operator", Array(cluster.controller.errors.utf8))]
        return logs.map { name, bytes in
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(25)
            return "-- \(name)'s log\n" + lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// The lines of the journal, oldest first.
    func journal() throws -> [[String: Any]] {
        try fileNames(in: folder).filter { $0.hasPrefix("journal.jsonl") }.sorted(by: >)
            .flatMap { try readFile("\(folder)/\($0)").split(separator: 10) }
            // The last line may have been cut off by the death of its writer.
            .compactMap { try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] }
    }
}
