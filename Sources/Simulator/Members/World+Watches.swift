import Chance
import Keyspace
import Member
import Raft

// What `WatchService` does around a hub, and what goes on between it and clients. A connection is
// like TCP: what was told arrives in order, as fast as the client reads it, or is lost with the
// connection.

// MARK: - The member's side
extension World {
    /// A process has started, or a running member was opened anew with a snapshot.
    func openWatches(_ member: Member, _ index: Int) {
        let machine = machines[index]
        guard let post = machine.watches else {
            machine.watches = WatchPost(newHub(member))
            return
        }
        post.isCatchUpDue = false
        if options.bugs.contains(.beginsWatchesAnew) {
            beginAnew(post, member)
        } else {
            post.hub.restore(member.keyspace)
        }
        sendReplies(index)
    }

    private func newHub(_ member: Member) -> WatchHub {
        var limits = WatchHub.Limits()
        limits.streamBytes = options.watchBytes
        limits.sliceRows = options.watchRows
        return WatchHub(revision: member.keyspace.revision, limits: limits)
    }

    private func beginAnew(_ post: WatchPost, _ member: Member) {
        post.hub = newHub(member)
        for connection in post.connections { connection.stream = post.hub.openStream() }
        for connection in post.connections {
            for number in connection.begun.keys.sorted() {
                guard var watch = connection.begun[number] else { continue }
                watch.id = number
                post.hub.create(watch, on: connection.stream)
            }
        }
        _ = post.hub.takeReplies()
    }

    /// The process has ended. From a system that lives on clients hear of it at once.
    func endWatches(_ index: Int, isSilent: Bool) {
        guard let post = machines[index].watches else { return }
        machines[index].watches = nil
        for connection in post.connections {
            connection.isOpen = false
            connection.client.lost(connection, after: isSilent ? 2_000_000 : 1_000)
        }
    }

    /// The member has applied transactions.
    func publish(_ transactions: [[Change]], _ member: Member, _ index: Int) {
        guard let post = machines[index].watches else { return }
        for changes in transactions { post.hub.publish(changes, member.keyspace) }
        sendReplies(index)
    }

    private func catchUp(_ index: Int) {
        let machine = machines[index]
        // One that is being opened anew catches up when that is done.
        guard let post = machine.watches, let member = machine.member, !machine.isReopening else {
            return
        }
        post.isCatchUpDue = false
        stage.count(.watchSlice)
        post.hub.catchUp(member.keyspace)
        if options.bugs.contains(.losesEndOfSlice), post.hub.isBehind {
            sendReplies(index, losing: true)
        } else {
            sendReplies(index)
        }
    }

    /// Sends what the hub has to tell, and sees to it that it catches up.
    private func sendReplies(_ index: Int, losing: Bool = false) {
        guard let post = machines[index].watches else { return }
        var replies = post.hub.takeReplies()
        if losing, case .events? = replies.last?.content { replies.removeLast() }
        for reply in replies {
            guard let connection = post.connection(reply.stream) else { continue }
            send(reply, connection)
        }
        guard post.hub.isBehind, !post.isCatchUpDue else { return }
        post.isCatchUpDue = true
        let delay = watchGenerator.below(2_000)
        stage.plan(for: index, in: delay) { [unowned self] in catchUp(index) }
    }

    private func send(_ reply: WatchReply, _ connection: WatchConnection) {
        switch reply.content {
        case .created: connection.begun[reply.watch] = connection.asked.removeFirst()
        case .canceled, .compacted: connection.begun[reply.watch] = nil
        default: break
        }
        switch reply.content {
        case .events where options.bugs.contains(.dropsForSlowWatchers):
            if connection.unsent.count < 3 { connection.unsent.append(reply) }
        case .progress where options.bugs.contains(.progressOvertakes):
            connection.unsent.insert(reply, at: 0)
        default: connection.unsent.append(reply)
        }
        planReading(connection)
    }

    private func take(_ call: WatchConnection.Call, _ connection: WatchConnection, _ hub: WatchHub)
    {
        switch call {
        case .create(let watch):
            connection.asked.append(watch)
            hub.create(watch, on: connection.stream)
            if watch.options.contains(.progress), !connection.hasReports {
                connection.hasReports = true
                planReport(connection)
            }
        case .cancel(let watch): hub.cancel(watch, on: connection.stream)
        case .progress: hub.requestProgress(on: connection.stream)
        }
    }

    /// Requests of a client that does not read wait.
    private func takeCalls(_ connection: WatchConnection) {
        guard let hub = machines[connection.machine].watches?.hub else { return }
        while !connection.calls.isEmpty, !hub.isFull(connection.stream) {
            take(connection.calls.removeFirst(), connection, hub)
        }
        if hub.isFull(connection.stream) { stage.count(.watchStalled) }
        sendReplies(connection.machine)
    }

    private func planReport(_ connection: WatchConnection) {
        let index = connection.machine
        stage.planArrival(at: index, in: options.watchReport * 1_000) { [unowned self] in
            guard connection.isOpen, let hub = machines[index].watches?.hub else { return }
            hub.reportProgress(on: connection.stream)
            sendReplies(index)
            planReport(connection)
        }
    }
}

// MARK: - The client's side
extension World {
    /// Connects a client with a member; nil when none runs there.
    func openWatchConnection(_ index: Int, _ client: Observer) -> WatchConnection? {
        guard let post = machines[index].watches, isRunning(index) else { return nil }
        let connection = WatchConnection(index, post.hub.openStream(), client)
        post.connections.append(connection)
        return connection
    }

    /// The client hangs up.
    func close(_ connection: WatchConnection) {
        guard connection.isOpen else { return }
        connection.isOpen = false
        guard let post = machines[connection.machine].watches else { return }
        post.hub.closeStream(connection.stream)
        post.connections.removeAll { $0 === connection }
    }

    /// The client asks something.
    func ask(_ call: WatchConnection.Call, _ connection: WatchConnection) {
        stage.planArrival(at: connection.machine, in: 100) { [unowned self] in
            guard connection.isOpen else { return }
            connection.calls.append(call)
            takeCalls(connection)
        }
    }

    private func planReading(_ connection: WatchConnection) {
        guard !connection.isReading, connection.isOpen else { return }
        connection.isReading = true
        stage.planArrival(
            at: connection.machine,
            in: connection.client.readingDelay()
        ) { [unowned self] in
            connection.isReading = false
            if connection.isOpen { read(connection) }
        }
    }

    /// The client takes what it wants of what was sent.
    private func read(_ connection: WatchConnection) {
        let count = min(connection.client.appetite, connection.unsent.count)
        let taken = connection.unsent.prefix(count)
        connection.unsent.removeFirst(count)
        machines[connection.machine].watches?.hub
            .queued(connection.unsentBytes, on: connection.stream)
        for reply in taken where connection.isOpen {
            stage.note(
                .watch,
                connection.machine,
                UInt64(connection.client.id),
                UInt64(bitPattern: reply.watch),
                UInt64(bitPattern: reply.revision)
            ) { "tells observer \(connection.client.id) \(reply.summary)" }
            connection.client.receive(reply)
        }
        guard connection.isOpen else { return }
        takeCalls(connection)
        if !connection.unsent.isEmpty { planReading(connection) }
    }
}

extension WatchReply {
    /// In one line, for people.
    fileprivate var summary: String {
        let what =
            switch content {
            case .created: "created"
            case .refused(let reason): "refused: \(reason)"
            case .canceled: "canceled"
            case .compacted(let revision): "compacted at \(revision)"
            case .progress: "progress"
            case .events(let events):
                "events of " + events.list.map(\.revision.description).joined(separator: " ")
            }
        return "at revision \(revision) of watch \(watch): \(what)"
    }
}
