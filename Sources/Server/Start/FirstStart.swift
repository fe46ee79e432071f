import EtcdProto
import Member
import NIOCore
import NIOHTTP1

/// What a member that has no log yet finds out before it makes one: which cluster it founds or
/// joins, as whom, and that nobody has been there before it.
struct FirstStart {
    let settings: Settings
    /// Whose log a crash has left here that never began. When it was to found this very cluster,
    /// founding is gone on with: such a log is proof that nothing was promised and then lost.
    let unbegun: (member: MemberID, cluster: ClusterID)?
    let eventLoop: any EventLoop

    struct Decision {
        let first: Startup.First
        /// Members of the cluster that is joined.
        let peers: [MemberInfo]
    }

    /// The members a running cluster reports, and its id.
    private struct Running {
        let clusterID: ClusterID
        let members: [MemberInfo]
    }

    func decide() async throws(Fatal) -> Decision {
        let cluster: InitialCluster
        let local: MemberInfo
        do throws(ClusterConfigurationError) {
            cluster = try InitialCluster(
                parsing: settings.initialCluster,
                token: settings.initialClusterToken
            )
            local = try cluster.localMember(
                named: settings.name,
                advertising: settings.initialAdvertisePeerURLs.map(\.description)
            )
        } catch {
            throw Self.wrong(error)
        }
        let others = cluster.members.filter { $0.id != local.id }
        let isFounding = unbegun.map { $0 == (local.id, cluster.clusterID) } ?? false
        if settings.joinsExisting, !isFounding { return try await join(cluster, others) }
        try await refuseSecondBootstrap(local, cluster, others)
        return Decision(first: .bootstrap(cluster, member: local.id), peers: [])
    }

    /// The cluster's own list gives the ids: they depend on when each member was added.
    private func join(
        _ cluster: InitialCluster,
        _ others: [MemberInfo]
    ) async throws(Fatal) -> Decision {
        for url in others.flatMap(\.peerURLs) {
            guard let running = await ask(url) else { continue }
            let id: MemberID
            do throws(ClusterConfigurationError) {
                id = try cluster.idOfMember(named: settings.name, in: running.members)
            } catch {
                throw Self.wrong(error)
            }
            let peers = running.members.filter { $0.id != id }
            try await refuseOtherVersions(of: peers)
            return Decision(first: .join(running.clusterID, member: id), peers: peers)
        }
        throw Fatal(
            .bootstrapRefused,
            "cannot fetch cluster info from peer urls: "
                + "could not retrieve cluster information from the given URLs",
            remedy: "start this member while its cluster runs, after member add"
        )
    }

    /// A cluster that has agreed on a newer version than ours may use what we do not know, and
    /// older members than 3.5 do not know what we put into the log. Peers that do not answer are no
    /// reason against joining.
    private func refuseOtherVersions(of peers: [MemberInfo]) async throws(Fatal) {
        let own = settings.announced
        for url in peers.flatMap(\.peerURLs) {
            guard let answer = await get("/version", from: url), answer.status == .ok else {
                continue
            }
            let said = answer.headers.first(name: "X-Server-Version").flatMap { ServerVersion($0) }
            if let server = said ?? VersionDocument.serverVersion(in: answer.body),
                server < AnnouncedVersion.minimumCluster
            {
                throw Self.incompatible(
                    "\(url) is of version \(server)",
                    "upgrade it to 3.5 before"
                )
            }
            if let agreed = VersionDocument.clusterVersion(in: answer.body),
                agreed > own.client.withoutPatch
            {
                throw Self.incompatible(
                    "it is of version \(agreed), this member of \(own.client)",
                    "raise --compatibility, or let etcdctl downgrade the cluster before"
                )
            }
        }
    }

    private static func incompatible(_ why: String, _ remedy: String) -> Fatal {
        let what = "incompatible with current running cluster: \(why)"
        return Fatal(.bootstrapRefused, what, remedy: remedy)
    }

    /// Founding again, from an empty directory, what already runs would forget what this member
    /// promised: etcd refuses it too. Peers that do not answer are no reason against founding.
    private func refuseSecondBootstrap(
        _ local: MemberInfo,
        _ cluster: InitialCluster,
        _ others: [MemberInfo]
    ) async throws(Fatal) {
        let urls = others.flatMap(\.peerURLs)
        let answers = await withTaskGroup(of: Running?.self) { group in
            for url in urls { group.addTask { await ask(url) } }
            return await group.reduce(into: [Running]()) { all, one in
                if let one { all.append(one) }
            }
        }
        for running in answers where running.clusterID == cluster.clusterID {
            guard let known = running.members.first(where: { $0.id == local.id }),
                // Names are known from the start, client URLs once it has served.
                !known.clientURLs.isEmpty
            else { continue }
            throw Fatal(
                .bootstrapRefused,
                "member \(local.id) has already been bootstrapped",
                remedy: "bring its data directory back, or remove the member and add a new one"
            )
        }
    }

    private func ask(_ url: String) async -> Running? {
        guard let answer = await get("/members", from: url), answer.status == .ok,
            let id = answer.headers.first(name: "X-Etcd-Cluster-ID"),
            let clusterID = ClusterID(hex: id),
            let members = try? MemberInfo.list(json: answer.body)
        else { return nil }
        return Running(clusterID: clusterID, members: members)
    }

    /// What a peer answers; nil for one that cannot be asked: it has not told anything.
    private func get(_ path: String, from url: String) async -> HTTPAnswer? {
        guard let place = PeerAddresses(urls: [url]).current else { return nil }
        let promise = eventLoop.makePromise(of: HTTPAnswer.self)
        eventLoop.execute {
            PeerClient(eventLoop: promise.futureResult.eventLoop).ask(
                PeerRequest(path: path, timeout: .seconds(1)),
                at: place
            ) { promise.completeWith($0) }
        }
        return try? await promise.futureResult.get()
    }

    private static func wrong(_ error: ClusterConfigurationError) -> Fatal {
        Fatal(.configuration, "\(error)", remedy: "correct --initial-cluster and its companions")
    }
}
