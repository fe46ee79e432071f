package import ClusterAPI

/// What was decided once about a cluster and must never be decided again: `cluster.json`.
///
/// It goes `planned -> started -> bootstrapped` (safety rule 11). `started` is on disk before the
/// first process of the cluster is, so whoever finds `started` knows that data may exist.
package struct ClusterRecord: Hashable, Sendable, Codable {
    package enum Phase: String, Hashable, Sendable, Codable, Comparable, CaseIterable {
        /// Names, ports and the token are chosen; nothing has run.
        case planned
        /// Members may have run; their logs are expected from now on.
        case started
        /// The cluster has served with every member's log in place; endpoints are public.
        case bootstrapped

        package static func < (left: Phase, right: Phase) -> Bool {
            allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
        }
    }

    /// What the user wants of the processes, whatever the spec says (safety rule 14).
    package enum Desired: String, Hashable, Sendable, Codable {
        case up
        case down
        /// Stop the members and move everything to the trash.
        case deleted
    }

    package var namespace: String
    package var name: String
    /// Tells this cluster from every other that had or will have its name.
    package var uid: String
    /// Counts the times the cluster was built anew from a backup or a survivor, from 1.
    package var incarnation: Int
    package var phase: Phase
    package var desired: Desired
    /// The value of `--initial-cluster-token`.
    package var token: String
    /// etcd's cluster id, computed beforehand from token and peer URLs; lower-case hexadecimal.
    package var clusterID: String
    package var members: [Member]
    /// The ordinal that the next member gets; ordinals are never used twice.
    package var nextOrdinal: Int
    /// Members that have left, the newest last: their ids never come back (safety rule 6), and
    /// they show how often members were replaced (safety rule 15).
    package private(set) var departed: [Departed]
    /// Set while the cluster is built anew.
    package var recovery: Recovery?
    /// Set while not every member is launched as is wanted.
    package var rollout: Rollout?
    /// The last accepted resource, complete with its defaults.
    package var accepted: EtcdCluster
    /// The resource with which the members were launched, but for what a roll-out has changed.
    package var applied: EtcdCluster
    /// The file that declared the cluster.
    package var source: String
    /// The folder in which that file was, to know it again (safety rule 10).
    package var sourceFolder: FileIdentity?

    /// Where a member listens: one of the pairs of ports in a block. Who leaves gives it back, and
    /// they take turns.
    package struct Slot: Hashable, Sendable, Codable {
        /// The IP address.
        package let address: String
        /// The first port of the block.
        package let block: Int
        /// Which pair it is, from 0.
        package let number: Int

        /// The pairs in a block: room for nine members and one that replaces another.
        package static let count = 10

        package init(address: String, block: Int, number: Int) {
            self.address = address
            self.block = block
            self.number = number
        }

        package var clientPort: Int { block + 2 * number }
        package var peerPort: Int { clientPort + 1 }
        package var clientURL: String { "http://\(hostPort(address, clientPort))" }
        package var peerURL: String { "http://\(hostPort(address, peerPort))" }
    }

    package struct Member: Hashable, Sendable, Codable {
        package let name: String
        package let ordinal: Int
        package let slot: Slot
        /// etcd's member id in lower-case hexadecimal: computed beforehand for the first members,
        /// and for others known, and written down, once the cluster has added them.
        package var id: String?
        /// It has a vote, as far as is known. False of one that joins until it is promoted.
        package var isVoter: Bool
        /// Set when it is on its way out, before anything is done about that.
        package var departure: Departure?
        /// A process was, or may have been, started for it. On disk before the process is.
        package var launched: Bool
        /// Its log was seen. From then on an empty directory is a lost one.
        package var hasLog: Bool
        /// How it was started last, or is about to be; only a roll-out changes it (safety rule 35).
        package var launch: LaunchRecord?
        /// How it is to be started the next time; nil: as the last time.
        package var next: LaunchRecord?
        /// How it ran well before `launch`, as long as that has not proven itself.
        package var lastGood: LaunchRecord?

        package init(
            name: String,
            ordinal: Int,
            slot: Slot,
            id: String?,
            isVoter: Bool = true,
            launched: Bool = false,
            hasLog: Bool = false,
            launch: LaunchRecord? = nil
        ) {
            self.name = name
            self.ordinal = ordinal
            self.slot = slot
            self.id = id
            self.isVoter = isVoter
            self.launched = launched
            self.hasLog = hasLog
            self.launch = launch
        }
    }

    package init(
        cluster: EtcdCluster,
        uid: String,
        token: String,
        slots: [Slot],
        source: String
    ) {
        namespace = cluster.name.namespace
        name = cluster.name.name
        self.uid = uid
        incarnation = 1
        phase = .planned
        desired = .up
        self.token = token
        accepted = cluster
        accepted.status = nil
        applied = accepted
        self.source = source
        nextOrdinal = slots.count
        departed = []
        clusterID = ""
        members = []
        place(in: slots)
    }

    /// Gives the cluster its ports, and by that its ids and members: only while nothing was
    /// started.
    package mutating func place(in slots: [Slot]) {
        guard phase == .planned else { fatalError("\(name) has started; its ids must stay") }
        let identity = ExpectedIdentity(peerURLs: slots.map(\.peerURL), token: token)
        clusterID = identity.clusterID
        members = zip(slots, identity.memberIDs).enumerated().map { ordinal, pair in
            Member(
                name: "\(name)-\(ordinal)",
                ordinal: ordinal,
                slot: pair.0,
                id: pair.1
            )
        }
    }
}

/// The program and the arguments of a member, pinned.
///
/// Where the state directory is belongs to each start and is not in it, so that a directory that is
/// moved or copied starts its own programs on its own data.
package struct LaunchRecord: Hashable, Sendable, Codable {
    /// The operator's own copy of the program, below `<state-dir>/bin`.
    package var program: String
    /// SHA-256 of that copy, lower-case hexadecimal.
    package var sha256: String
    /// All but `--data-dir` and `--initial-cluster-state`, which are added at each start.
    package var arguments: [String]

    package init(program: String, sha256: String, arguments: [String]) {
        self.program = program
        self.sha256 = sha256
        self.arguments = arguments
    }
}

extension ClusterRecord {
    package var cluster: ClusterName { ClusterName(namespace: namespace, name: name) }

    package func member(_ name: String) -> Member? {
        members.first { $0.name == name }
    }

    package var slots: [Slot] { members.map(\.slot) }

    /// The block that the cluster's ports are taken from where its spec leaves that to the
    /// operator: while it moves from one to another, the one that it comes from.
    package var block: Int { members.first?.slot.block ?? 0 }

    /// The members whose votes count in etcd, as far as is known: one that leaves votes until it is
    /// off the list.
    package var voters: [Member] {
        members.filter { $0.isVoter && $0.departure?.unlistedAt == nil }
    }

    /// The members that shall stay.
    package var staying: [Member] { members.filter { $0.departure == nil } }

    /// Takes in one more member, which joins the running cluster as a learner.
    package mutating func enlist(in slot: Slot) {
        members.append(
            Member(
                name: "\(name)-\(nextOrdinal)",
                ordinal: nextOrdinal,
                slot: slot,
                id: nil,
                isVoter: false
            )
        )
        nextOrdinal += 1
    }

    /// No member that joins gets one of these names.
    package mutating func passOver(_ names: [String]) {
        for other in names {
            guard other.hasPrefix("\(name)-"), let used = Int(other.dropFirst(name.count + 1)),
                used < Int.max
            else { continue }
            nextOrdinal = max(nextOrdinal, used + 1)
        }
    }

    /// The member has left, and its files are out of the way.
    package mutating func forget(_ name: String) {
        guard let member = member(name) else { return }
        members.removeAll { $0.name == name }
        guard let departure = member.departure else { return }
        departed.append(
            Departed(
                member: name,
                id: member.id,
                wasVoter: member.isVoter,
                cause: departure.cause,
                at: departure.at,
                successor: nextOrdinal
            )
        )
        departed.removeFirst(max(0, departed.count - ClusterRecord.departedKept))
    }

    private static let departedKept = 64

    package mutating func update(_ name: String, _ change: (inout Member) -> Void) {
        guard let index = members.firstIndex(where: { $0.name == name }) else { return }
        change(&members[index])
    }

    /// Why the record cannot be one that this program wrote; nil when it can.
    package var flaw: String? {
        if members.isEmpty { return "it names no member" }
        if Set(members.map(\.name)).count != members.count { return "two members have one name" }
        let isPair = { (slot: Slot) in
            (0..<Slot.count).contains(slot.number) && (1...65_500).contains(slot.block)
        }
        if let lost = members.first(where: { !isPair($0.slot) }) {
            return "\(lost.name) has no port"
        }
        let addresses = members.map { hostPort($0.slot.address, $0.slot.clientPort) }
        if Set(addresses).count != members.count { return "two members have one address" }
        return nil
    }
}

/// `address:port`, with brackets around an IPv6 address.
package func hostPort(_ address: String, _ port: Int) -> String {
    address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
}
