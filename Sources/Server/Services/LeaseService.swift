import EtcdProto
import GRPC
import Keyspace
import Member
import NIOCore
import SwiftProtobuf

/// `etcdserverpb.Lease`: grants and ends go through the log, renewals and what is left of a lease
/// to the leader directly.
final class LeaseService {
    private let calls: ServiceCalls
    private let asker: LeaseAsker

    /// So much of answers may wait for a client before no more of its requests are taken.
    private static let maxUnsentBytes = 64 << 10

    init(_ calls: ServiceCalls) {
        self.calls = calls
        asker = LeaseAsker(loop: calls.loop)
    }

    private var member: Member { calls.member }

    func method(_ name: Substring) -> GRPCMethod? {
        switch name {
        case "LeaseGrant": calls.unary(grant)
        case "LeaseRevoke": calls.unary(revoke)
        case "LeaseKeepAlive": calls.streaming(keepAlive)
        case "LeaseTimeToLive": calls.unary(timeToLive)
        case "LeaseLeases": calls.unary(leases)
        default: nil
        }
    }

    private func grant(
        _ request: LeaseGrantRequest,
        _ reply: @escaping ServiceCalls.Reply<LeaseGrantResponse>
    ) {
        var command = InternalRaftRequest()
        command.leaseGrant = request
        calls.propose(command, reply) { response in
            guard case .leaseGrant(var grant) = response else { return nil }
            grant.header = self.calls.header(revision: grant.header.revision)
            return grant
        }
    }

    private func revoke(
        _ request: LeaseRevokeRequest,
        _ reply: @escaping ServiceCalls.Reply<LeaseRevokeResponse>
    ) {
        var command = InternalRaftRequest()
        command.leaseRevoke = request
        calls.propose(command, reply) { response in
            guard case .leaseRevoke(var revocation) = response else { return nil }
            revocation.header = self.calls.header(revision: revocation.header.revision)
            return revocation
        }
    }

    private func timeToLive(
        _ request: LeaseTimeToLiveRequest,
        _ reply: @escaping ServiceCalls.Reply<LeaseTimeToLiveResponse>
    ) {
        let question = LeaseQuestion.timeToLive(of: LeaseID(request.id), keys: request.keys)
        asker.ask(question, isWanted: { true }) { result in
            reply(
                result.map { answer in
                    var response = answer ?? LeaseTimeToLiveResponse()
                    if answer == nil {
                        response.id = request.id
                        response.ttl = -1
                    }
                    response.header = self.calls.header()
                    return response
                }
            )
        }
    }

    private func leases(
        _ request: LeaseLeasesRequest,
        _ reply: @escaping ServiceCalls.Reply<LeaseLeasesResponse>
    ) {
        var response = LeaseLeasesResponse()
        response.header = calls.header()
        response.leases = member.leaseIDs.map { id in
            var status = LeaseStatus()
            status.id = id.rawValue
            return status
        }
        reply(.success(response))
    }

    // MARK: Keeping alive

    /// One request after the other: the next is taken when the one before is answered.
    private func keepAlive(_ stream: ServerStream) {
        stream.onMessage = { [weak stream] message in
            guard let stream else { return }
            let request: LeaseKeepAliveRequest
            do {
                request = try LeaseKeepAliveRequest(serializedBytes: Array(buffer: message))
            } catch {
                let text = "grpc: error unmarshalling request: \(error)"
                return stream.finish(GRPCStatus(.internalError, text))
            }
            stream.pauseReading()
            self.renew(request, stream)
        }
        stream.onEnd = { [weak stream] in stream?.finish(.ok) }
    }

    private func renew(_ request: LeaseKeepAliveRequest, _ stream: ServerStream) {
        var response = LeaseKeepAliveResponse()
        response.id = request.id
        // Of the time before the renewal: a client that sees it succeed at a revision may rely on
        // the lease at that revision.
        response.header = calls.header()
        let question = LeaseQuestion.renewal(of: LeaseID(request.id))
        asker.ask(question, isWanted: { !stream.isOver }) { result in
            switch result {
            case .success(let ttl):
                response.ttl = ttl ?? 0
                do {
                    let bytes: [UInt8] = try response.serializedBytes()
                    stream.send(ByteBuffer(bytes: bytes))
                    Self.resume(stream)
                } catch {
                    let text = "grpc: error marshalling response: \(error)"
                    stream.finish(GRPCStatus(.internalError, text))
                }
            case .failure(let error): stream.finish(ServiceCalls.status(error))
            }
        }
    }

    /// Takes the next request, unless the client does not read the answers.
    private static func resume(_ stream: ServerStream) {
        guard stream.bufferedBytes > maxUnsentBytes else { return stream.resumeReading() }
        stream.onWritable = { [weak stream] in
            guard let stream, stream.bufferedBytes <= maxUnsentBytes else { return }
            stream.onWritable = nil
            stream.resumeReading()
        }
    }
}
