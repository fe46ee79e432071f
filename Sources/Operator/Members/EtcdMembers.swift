import EtcdClient
import EtcdProto
package import NIOCore
package import Planning
import Synchronization

/// Members that are reached over the network.
package final class EtcdMembers: Members {
    private let group: any EventLoopGroup
    private let clients = Mutex<[String: EtcdClient]>([:])
    private let knocks: Knocks
    /// A defragmentation or compaction takes as long as the store is large.
    private static let longTimeout = TimeAmount.minutes(10)

    package init(group: any EventLoopGroup) {
        self.group = group
        knocks = Knocks(group: group)
    }

    /// The URLs of which a connection is held.
    package var held: [String] { clients.withLock { $0.keys.sorted() } }

    /// Every pass looks at all members that run: a client of any other URL is of one that has
    /// gone, and is closed.
    package func look(at urls: [String]) async -> [MemberLook] {
        await close { !urls.contains($0) }
        return await withTaskGroup(of: (Int, MemberLook).self) { group in
            for (index, url) in urls.enumerated() {
                let probe = MemberProbe(client: client(url)) { [knocks] in
                    await knocks.isWithinReach(url)
                }
                group.addTask { (index, await probe.look()) }
            }
            var looks = urls.map { _ in MemberLook(probe: Probe(.unknown)) }
            for await (index, look) in group { looks[index] = look }
            return looks
        }
    }

    package func list(from url: String) async throws(MemberError) -> MemberList {
        let reader: MemberID?
        let answer: MemberListResponse
        do throws(EtcdClientError) {
            // Before 3.5 the list is what the member itself knows: after a linearizable read on the
            // same connection it knows what the quorum did (safety rule 20).
            do throws(EtcdClientError) {
                reader = try await client(url).health()
            } catch  where "\(error.status)".contains("corrupt") {
                // The alarm CORRUPT forbids reads, and a quorum has raised it.
                reader = nil
            }
            answer = try await client(url).memberList(linearizable: true)
        } catch {
            throw MemberError(error)
        }
        guard reader == nil || reader?.rawValue == answer.header.memberID else {
            throw MemberError(.notYet, "two members answer at \(url)")
        }
        return MemberList(answer)
    }

    package func addLearner(
        peerURL: String,
        through url: String
    ) async throws(MemberError) -> String {
        do throws(EtcdClientError) {
            let answer = try await client(url).memberAddLearner(peerURLs: [peerURL])
            return "\(MemberID(rawValue: answer.member.id))"
        } catch {
            throw MemberError(error)
        }
    }

    package func remove(_ id: String, through url: String) async throws(MemberError) {
        do throws(EtcdClientError) {
            _ = try await client(url).memberRemove(EtcdMembers.number(id))
        } catch {
            throw MemberError(error)
        }
    }

    package func promote(_ id: String, through url: String) async throws(MemberError) {
        do throws(EtcdClientError) {
            _ = try await client(url).memberPromote(EtcdMembers.number(id))
        } catch {
            throw MemberError(error)
        }
    }

    package func moveLeader(to id: String, from leader: String) async throws(MemberError) {
        do throws(EtcdClientError) {
            _ = try await client(leader).moveLeader(to: EtcdMembers.number(id))
        } catch {
            throw MemberError(error)
        }
    }

    package func hash(
        at revision: Int64,
        of url: String
    ) async throws(MemberError) -> HashComparison.Answer {
        do throws(EtcdClientError) {
            let answer = try await client(url).hashKV(revision: revision, timeout: .minutes(1))
            return HashComparison.Answer(
                hash: answer.hash,
                compactRevision: answer.compactRevision
            )
        } catch {
            throw MemberError(error)
        }
    }

    package func compact(to revision: Int64, through url: String) async throws(MemberError) {
        var request = CompactionRequest()
        request.revision = revision
        request.physical = true
        do throws(EtcdClientError) {
            _ = try await client(url).compact(request, timeout: EtcdMembers.longTimeout)
        } catch {
            throw MemberError(error)
        }
    }

    package func defragment(_ url: String) async throws(MemberError) {
        do throws(EtcdClientError) {
            _ = try await client(url).defragment(timeout: EtcdMembers.longTimeout)
        } catch {
            throw MemberError(error)
        }
    }

    package func disarm(_ alarm: Alarm, through url: String) async throws(MemberError) {
        var request = AlarmRequest()
        request.action = .deactivate
        request.memberID = UInt64(alarm.memberID, radix: 16) ?? 0
        request.alarm =
            switch alarm.kind {
            case .noSpace: .nospace
            case .corrupt: .corrupt
            }
        do throws(EtcdClientError) {
            _ = try await client(url).alarm(request)
        } catch {
            throw MemberError(error)
        }
    }

    /// The question for the alarms goes through the log, unlike other questions.
    package func settle(through url: String) async throws(MemberError) {
        var request = AlarmRequest()
        request.action = .get
        do throws(EtcdClientError) {
            _ = try await client(url).alarm(request)
        } catch {
            throw MemberError(error)
        }
    }

    package func close() async {
        await close { _ in true }
    }

    private func close(where isGone: (String) -> Bool) async {
        let gone = clients.withLock { clients in
            let gone = clients.filter { isGone($0.key) }
            for url in gone.keys { clients[url] = nil }
            return gone.values
        }
        for client in gone { await client.close() }
        knocks.forget(where: isGone)
    }

    private func client(_ url: String) -> EtcdClient {
        clients.withLock { clients in
            if let client = clients[url] { return client }
            let client = EtcdClient(endpoint: url, group: group)
            clients[url] = client
            return client
        }
    }

    /// Ids come from members' own answers or from our computation.
    private static func number(_ id: String) -> MemberID {
        guard let number = UInt64(id, radix: 16) else { fatalError("\(id) is no member id") }
        return MemberID(rawValue: number)
    }
}

extension MemberError {
    /// etcd's texts are part of its API.
    init(_ error: EtcdClientError) {
        self.init(MemberError.kind(of: "\(error.status)"), error.description)
    }

    /// What an answer of etcd's means.
    package static func kind(of text: String) -> Kind {
        let kinds: [(Kind, [String])] = [
            (.notFound, ["member not found"]),
            (
                .notYet,
                [
                    "in sync with leader", "unhealthy cluster", "too many learner",
                    "not enough started members", "no leader", "leader changed",
                    "not supported for learner", "bad leader transferee",
                    // The list or the leader changed since they were read.
                    "Peer URLs already exist", "not leader", "too many requests",
                ]
            ),
            (
                .alreadyDone,
                ["required revision has been compacted", "can only promote a learner member"]
            ),
            (.unclear, ["timed out", "deadline exceeded", "Unavailable", "Canceled"]),
        ]
        return kinds.first { $0.1.contains { text.contains($0) } }?.0 ?? .refused
    }
}

extension MemberList {
    init(_ answer: MemberListResponse) {
        self.init(
            clusterID: "\(ClusterID(rawValue: answer.header.clusterID))",
            entries: answer.members.map { member in
                Entry(
                    id: "\(MemberID(rawValue: member.id))",
                    name: member.name,
                    isLearner: member.isLearner,
                    peerURLs: member.peerUrls
                )
            }
        )
    }
}
