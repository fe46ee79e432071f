import Server

/// The program: everything is in `Server`.
@main
enum EtcdMember {
    static func main() {
        Launcher.run(
            arguments: Array(CommandLine.arguments.dropFirst()),
            environment: Environment.variables,
            workingDirectory: Environment.workingDirectory
        )
    }
}
