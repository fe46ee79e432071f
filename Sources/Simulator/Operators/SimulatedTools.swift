import Operator
import Planning
import Raft
import Storage

/// The programs that work on data at rest, and where programs come from.
struct SimulatedTools: RecoveryTools, ProgramStore {
    let disk: SimulatedDisk
    let checker: OperatorChecker
    let mistake: OperatorMistake?

    var embeddedPath: String { "/bin/etcd-member" }

    func pin(_ source: String) throws(OperatorError) -> MemberProgram.Pinned {
        let name = source.split(separator: "/").last ?? ""
        return MemberProgram.Pinned(program: "\(name)-0/\(name)", sha256: source)
    }

    func path(of pinned: MemberProgram.Pinned, from source: String) throws(OperatorError)
        -> String
    {
        "/state/bin/\(pinned.program)"
    }

    /// A snapshot is a list of commands, each in a line.
    func salvage(_ copy: SurvivorCopy) async throws(OperatorError) -> Recovery.Salvaged {
        do throws(WALError) {
            let commands = try commands(in: copy.data)
            let story = commands.reduce(into: Replica.Story()) { $0.apply($1) }
            let text = commands.map { String(decoding: $0.bytes, as: UTF8.self) }
            let snapshot = copy.folder + "/salvaged.db"
            do throws(DiskError) {
                try disk.replace(snapshot, with: Array(text.joined(separator: "\n").utf8))
            } catch {
                throw WALError.disk(error)
            }
            return Recovery.Salvaged(
                snapshot: snapshot,
                hasHash: true,
                revision: story.revision,
                bump: 0
            )
        } catch {
            throw OperatorError(.process, "salvage failed: \(error)")
        }
    }

    private func commands(in data: String) throws(WALError) -> [Command] {
        let contents = try WAL.read(on: disk, directory: Replica.folder(data))
        let kept =
            mistake == .dropsUndecided
            ? contents.entries.filter { $0.index <= contents.hardState.commit } : contents.entries
        return kept.map { Command($0.data) }
    }

    func restore(_ member: FirstMember) async throws(OperatorError) {
        let identity = ExpectedIdentity(peerURLs: [member.peerURL], token: member.token)
        guard let id = UInt64(identity.memberIDs[0], radix: 16),
            let clusterID = UInt64(identity.clusterID, radix: 16)
        else { fatalError("an id is no number") }
        let saved: [UInt8]
        do throws(DiskError) {
            saved = try disk.read(member.snapshot)
        } catch {
            throw OperatorError(.process, "restore failed: \(error)")
        }
        let lines = String(decoding: saved, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        let puts = lines.map { Command(Array($0.utf8)) }.filter { command in
            if case .put = command { true } else { false }
        }
        let written = mistake == .losesLastWrite ? puts.dropLast() : puts[...]
        let commands: [Command] =
            [.add(id, url: member.peerURL, isLearner: false), .name(id, member.name)] + written
            + [.begin(revision: member.salvaged.revision + member.salvaged.bump)]
        checker.restores(puts, clusterID: clusterID)
        do throws(WALError) {
            try Replica.create(
                member.data,
                id: id,
                clusterID: clusterID,
                commands,
                on: disk
            )
        } catch {
            throw OperatorError(.process, "restore failed: \(error)")
        }
    }
}
