import EtcdProto
import Foundation
import Keyspace
import TestKit
import Testing

/// Conversations with a keyspace: the rules of revisions, ranges and transactions to read.
@Suite struct ScriptTests {
    @Test(arguments: Script.all(in: "scripts"))
    func script(_ script: Script) throws {
        var driver = try Driver(MemoryBackend())
        try script.run { command in
            do {
                return try answer(command, &driver)
            } catch let error as EtcdError {
                return error.message
            }
        }
    }

    private func answer(_ command: Script.Command, _ driver: inout Driver) throws -> String {
        let words = command.arguments.map { argument in
            argument.values.isEmpty ? argument.key : "\(argument.key)=\(argument.values[0])"
        }
        let keyspace = driver.keyspace
        switch command.name {
        case "put":
            let request = try ScriptSyntax.put(words)
            try keyspace.check(request)
            return describe(driver.put(request))
        case "get":
            let request = try ScriptSyntax.get(words)
            try keyspace.check(request)
            return describe(try keyspace.range(request))
        case "del":
            let request = ScriptSyntax.delete(words)
            try keyspace.check(request)
            return describe(driver.delete(request))
        case "txn":
            let request = try ScriptSyntax.txn(command.input)
            if !command.has("unchecked") {
                try keyspace.check(request, maxOps: Int(command.value("max") ?? "") ?? 128)
            }
            return describe(driver.txn(request))
        case "compact":
            return describe(driver.compact(try ScriptSyntax.number(words.first ?? "")))
        case "finish-compaction":
            try driver.finishCompaction()
            return ""
        case "grant":
            return describe(driver.grant(try ScriptSyntax.number(words.first ?? "")))
        case "revoke":
            return describe(driver.revoke(try ScriptSyntax.number(words.first ?? "")))
        case "restart":
            try driver.flush()
            driver = try Driver(driver.backend)
            return "revision \(driver.keyspace.revision)"
        default:
            throw Script.Malformed("unknown command \(command.name)")
        }
    }

    // MARK: Answers

    private func describe(_ outcome: Outcome) -> String {
        switch outcome.result {
        case .failure(let error): error.message
        case .success(.put(let response)): describe(response)
        case .success(.range(let response)): describe(response)
        case .success(.deleteRange(let response)): describe(response)
        case .success(.txn(let response)): describe(response)
        case .success(.compaction(let response)): "revision \(response.header.revision)"
        case .success(.alarm(let response)): "\(response.alarms.count) alarms"
        case .success(.leaseGrant(let response)): "granted for \(response.ttl) s"
        case .success(.leaseRevoke(let response)): "revision \(response.header.revision)"
        case .success(.leaseCheckpoint(let response)): "revision \(response.header.revision)"
        case .success(.none): "nothing"
        }
    }

    private func describe(_ response: PutResponse) -> String {
        let previous = response.hasPrevKv ? "\nbefore: \(describe(response.prevKv))" : ""
        return "revision \(response.header.revision)\(previous)"
    }

    private func describe(_ response: RangeResponse) -> String {
        let more = response.more ? " more" : ""
        let head = "revision \(response.header.revision) count \(response.count)\(more)"
        return ([head] + response.kvs.map(describe)).joined(separator: "\n")
    }

    private func describe(_ response: DeleteRangeResponse) -> String {
        let head = "revision \(response.header.revision) deleted \(response.deleted)"
        return ([head] + response.prevKvs.map { "before: \(describe($0))" })
            .joined(separator: "\n")
    }

    private func describe(_ response: TxnResponse) -> String {
        let head = "revision \(response.header.revision) \(response.succeeded ? "then" : "else")"
        let answers = response.responses.flatMap { operation -> [String] in
            let text: String =
                switch operation.response {
                case .responseRange(let response): "get: " + describe(response)
                case .responsePut(let response): "put: " + describe(response)
                case .responseDeleteRange(let response): "del: " + describe(response)
                case .responseTxn(let response): "txn: " + describe(response)
                case nil: "nothing"
                }
            return text.split(separator: "\n").map { "  \($0)" }
        }
        return ([head] + answers).joined(separator: "\n")
    }

    private func describe(_ pair: KeyValue) -> String {
        let lease = pair.lease == 0 ? "" : " lease \(pair.lease)"
        let key = String(decoding: pair.key, as: UTF8.self)
        let value = String(decoding: pair.value, as: UTF8.self)
        return "\(key) = '\(value)' created \(pair.createRevision) modified \(pair.modRevision)"
            + " version \(pair.version)\(lease)"
    }
}
