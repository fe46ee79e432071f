import EtcdProto
import Keyspace
import SwiftProtobuf

/// Feeds a keyspace with entries, and takes its batches to the backend when told to.
struct Driver {
    private(set) var keyspace: Keyspace
    let backend: any Backend
    private var index: UInt64
    /// Sealed batches that are not committed yet, the oldest first.
    private var underWay: [WriteBatch] = []

    init(_ backend: any Backend) throws {
        self.backend = backend
        keyspace = try Keyspace(backend: backend)
        keyspace.leaseRules = LeaseRules(minimumTTL: 2, persistsCheckpoints: true)
        index = keyspace.consistentIndex
    }

    mutating func apply(_ request: InternalRaftRequest) -> Outcome {
        index += 1
        return keyspace.apply(request, index: index, term: 2)
    }

    mutating func put(_ request: PutRequest) -> Outcome { apply(.with { $0.put = request }) }

    mutating func put(_ key: String, _ value: String = "") -> Outcome {
        put(
            .with {
                $0.key = bytes(key); $0.value = bytes(value)
            }
        )
    }

    mutating func delete(_ request: DeleteRangeRequest) -> Outcome {
        apply(.with { $0.deleteRange = request })
    }

    mutating func delete(_ key: String) -> Outcome { delete(.with { $0.key = bytes(key) }) }

    mutating func txn(_ request: TxnRequest) -> Outcome { apply(.with { $0.txn = request }) }

    mutating func compact(_ revision: Int64) -> Outcome {
        apply(.with { $0.compaction.revision = revision })
    }

    @discardableResult
    mutating func grant(_ lease: Int64, ttl: Int64 = 60) -> Outcome {
        apply(
            .with {
                $0.leaseGrant.id = lease
                $0.leaseGrant.ttl = ttl
            }
        )
    }

    mutating func revoke(_ lease: Int64) -> Outcome {
        apply(.with { $0.leaseRevoke.id = lease })
    }

    mutating func checkpoint(_ points: [(lease: Int64, remaining: Int64)]) -> Outcome {
        apply(
            .with { request in
                request.leaseCheckpoint.checkpoints = points.map { point in
                    .with {
                        $0.id = point.lease
                        $0.remainingTtl = point.remaining
                    }
                }
            }
        )
    }

    mutating func seal() {
        if let batch = keyspace.sealBatch() { underWay.append(batch) }
    }

    /// Commits the oldest sealed batch.
    mutating func commit() throws {
        guard let batch = underWay.first else { return }
        try backend.commit(batch)
        underWay.removeFirst()
        keyspace.committed(batch.number)
    }

    mutating func flush() throws {
        seal()
        while !underWay.isEmpty { try commit() }
    }

    /// Runs a compaction to its end.
    mutating func finishCompaction() throws {
        while true {
            switch keyspace.compactStep() {
            case .waiting: try flush()
            case .working: continue
            case .idle, .finished: return
            }
        }
    }
}

/// A fresh backend of either kind, and how to open it again after a crash.
final class Store {
    private let directory: String?
    private let memory = MemoryBackend()
    private var opened: LMDBBackend?

    /// - Parameter directory: For LMDB; nil is the backend in memory.
    init(directory: String?) {
        self.directory = directory
    }

    /// What a restarted process would open.
    func open() throws -> any Backend {
        guard let directory else {
            memory.reopen()
            return memory
        }
        opened?.close()
        let backend = try LMDBBackend(directory: directory, mapSize: 1 << 26)
        opened = backend
        return backend
    }

    deinit { opened?.close() }
}
