import ArgumentParser
import ClusterAPI
import Glibc
import Operator

/// Why a command did not do what was asked, with the exit code for scripts.
struct CommandFailure: Error, CustomStringConvertible {
    enum Code: Int32 {
        case failed = 1
        case usage = 2
        case notFound = 3
        case unsafe = 4
    }

    let code: Code
    let description: String

    init(_ code: Code, _ what: String, remedy: String = "") {
        self.code = code
        description = remedy.isEmpty ? what : "\(what); \(remedy)"
    }

    init(_ error: OperatorError) {
        let code: Code =
            switch error.code {
            case .usage: .usage
            case .notFound: .notFound
            case .refused, .foreign: .unsafe
            case .state, .locked, .binaryMissing, .portInUse, .process, .damaged, .member,
                .notRunning, .control:
                .failed
            }
        self.init(code, error.description)
    }
}

extension CommandFailure {
    /// One of several failures of a command that goes on.
    func tell(about name: ClusterName) {
        let label = Terminal.standardError.paint("error:", .red)
        Terminal.standardError.write("\(label) \(name): \(self)\n")
    }
}

extension EtcdOperator {
    /// Prints why the program ends, and ends it: help to the standard output, all else to the
    /// standard error.
    static func leave(with error: any Error) -> Never {
        switch error {
        case let failure as CommandFailure: leave(with: failure)
        case let failure as OperatorError: leave(with: CommandFailure(failure))
        default: break
        }
        let message = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            print(message)
            Glibc.exit(0)
        case .validationFailure:
            Terminal.standardError.write(message + "\n")
            Glibc.exit(CommandFailure.Code.usage.rawValue)
        default:
            if !message.isEmpty { Terminal.standardError.write(message + "\n") }
            Glibc.exit(CommandFailure.Code.failed.rawValue)
        }
    }

    private static func leave(with failure: CommandFailure) -> Never {
        let label = Terminal.standardError.paint("error:", .red)
        Terminal.standardError.write("\(label) \(failure)\n")
        Glibc.exit(failure.code.rawValue)
    }
}
