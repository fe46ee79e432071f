import EtcdProto
import Keyspace
import Logging
import Member
import NIOCore
import Raft
import Storage

/// Snapshots on their way to peers and from them, and what the last of them brings with it.
extension MemberLoop {
    /// A follower needs more than the log has.
    func sendSnapshot(_ message: Message) {
        let peer = MemberID(rawValue: message.to.rawValue)
        guard let link = transport.link(to: peer), let place = link.addresses.current else {
            return member.snapshotSent(to: peer, failed: true)
        }
        let transfer: SnapshotTransfer
        do throws(BackendError) {
            transfer = SnapshotTransfer(
                message: message,
                view: try backend.backend.openView(),
                place: place,
                identity: transport.identity,
                spool: spool,
                eventLoop: eventLoop
            )
        } catch {
            return fail(.backend(error))
        }
        let sender = member
        eventLoop.makeFutureWithTask { try await transfer.run() }
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success:
                    self.logger.info("sent database snapshot", metadata: ["to": "\(peer)"])
                    sender.snapshotSent(to: peer, failed: false)
                case .failure(let error):
                    self.logger.warning(
                        "a snapshot did not arrive",
                        metadata: ["to": "\(peer)", "why": "\(error)"]
                    )
                    link.addresses.failed(place)
                    sender.snapshotSent(to: peer, failed: true)
                }
                self.wake()
            }
    }

    /// Makes room for a snapshot from a peer; nil while another is on its way.
    func receiveSnapshot() throws(DiskError) -> SnapshotReceiver? {
        guard !isReceivingSnapshot, !isIdle else { return nil }
        let receiver = SnapshotReceiver(self, try spool.create())
        isReceivingSnapshot = true
        return receiver
    }

    /// The one on its way has ended, however it did. Rows that the log counts on must stay in
    /// their place until the member has been opened anew, so no other is taken before that.
    func snapshotReceived() {
        isReceivingSnapshot = isInstalling
    }

    /// The rows that belong to this message are prepared. False: they are of no use.
    func install(_ message: Message) -> Bool {
        guard !isIdle else { return false }
        isInstalling = member.install(message)
        wake()
        return isInstalling
    }

    /// The log begins with a snapshot: closes the files and opens them again, as the next start of
    /// the process would. Connections stay; requests under way are told that it is not known what
    /// became of them.
    func reopen() {
        logger.info("opens its files anew, for a snapshot was installed")
        let old = replica
        old.member.abandon()
        backendTimer?.cancel()
        backendTimer = nil
        let (log, backend) = (old.log, old.backend)
        let closed = eventLoop.makeFutureWithTask {
            log.stop()
            await backend.stop()
        }
        reopening = closed
        closed.assumeIsolated().whenComplete { _ in
            // What came in since then was taken by nobody.
            old.member.abandon()
            self.reopening = nil
            self.isCommitting = false
            self.isInstalling = false
            self.isReceivingSnapshot = false
            self.isBackendDue = false
            guard !self.isStopped else { return }
            do throws(Fatal) {
                self.replica = try self.reopenReplica()
            } catch {
                return self.fail(error)
            }
            self.onReopened?()
            self.greetPeers()
        }
    }

    /// Tells a member that was opened anew who is there.
    private func greetPeers() {
        transport.update(member.membership)
        for peer in transport.connected { connectionChanged(peer, isConnected: true) }
        dropMaintenance()
        wake()
    }

    /// Closes the files, after `halt`.
    func closeFiles() -> EventLoopFuture<Void> {
        let closed = reopening ?? eventLoop.makeSucceededVoidFuture()
        return closed.assumeIsolated().flatMap {
            let (log, backend) = (self.replica.log, self.replica.backend)
            return self.eventLoop.makeFutureWithTask {
                log.stop()
                await backend.stop()
            }
        }.nonisolated()
    }
}
