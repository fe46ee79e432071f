// swift-tools-version: 6.2
import PackageDescription

/// Every target but the generated one is held to these.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle"
)
let arguments: Target.Dependency = .product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)

// An arrow of Sources/Docs.docc/Architecture.md is a dependency here; TidyTests compares the two.
let package = Package(
    name: "etcd-operator",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Level 0: values in, values out.
        .target(name: "Chance"),
        .target(name: "Raft"),
        .target(name: "EtcdProto", dependencies: [protobuf], exclude: ["Protos"]),
        .target(name: "ClusterAPI"),
        .systemLibrary(
            name: "CLibYAML",
            pkgConfig: "yaml-0.1",
            providers: [.apt(["libyaml-dev"])]
        ),
        .target(name: "YAML", dependencies: ["CLibYAML"]),
        .target(name: "CLinux"),

        // Level 1: bytes, frames, decisions.
        .target(name: "Storage", dependencies: ["Raft"]),
        .systemLibrary(
            name: "CNGHTTP2",
            pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"])]
        ),
        .target(name: "GRPC", dependencies: ["CNGHTTP2", nioCore, nioPosix]),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "Keyspace", dependencies: ["EtcdProto", "CLMDB", protobuf]),
        .target(name: "Planning", dependencies: ["ClusterAPI"]),

        // Level 2: one replica; one client.
        .target(
            name: "Member",
            dependencies: [
                "Raft", "Storage", "Keyspace", "EtcdProto", protobuf, logging, crypto,
            ]
        ),
        .target(
            name: "EtcdClient",
            dependencies: ["GRPC", "EtcdProto", protobuf, nioCore, nioPosix]
        ),

        // Level 3: sockets, processes, files.
        .target(
            name: "Server",
            dependencies: [
                "Member", "Raft", "Storage", "Keyspace", "GRPC", "EtcdProto",
                protobuf, nioCore, nioPosix, nioHTTP1, logging, crypto,
            ]
        ),
        .target(
            name: "Operator",
            dependencies: [
                "Planning", "ClusterAPI", "YAML", "EtcdClient", "EtcdProto", "Storage", "CLinux",
                nioCore, nioPosix, lifecycle, logging, crypto,
            ]
        ),
        .target(
            name: "Simulator",
            dependencies: [
                "Chance", "Member", "Raft", "Storage", "Keyspace", "EtcdProto", "Operator",
                "Planning", "ClusterAPI", protobuf, logging,
            ]
        ),

        // Level 4: programs.
        .executableTarget(name: "etcd-member", dependencies: ["Server"]),
        .executableTarget(
            name: "etcd-operator",
            dependencies: [
                "Operator", "ClusterAPI", "Planning", "YAML", "Storage", arguments, logging,
            ]
        ),
        .executableTarget(
            name: "simulate",
            dependencies: ["Simulator", "Chance", "Raft", arguments]
        ),

        // Tests.
        .target(name: "TestKit", dependencies: ["Chance"], path: "Tests/TestKit"),
        .testTarget(name: "TidyTests", dependencies: ["TestKit"]),
        .testTarget(name: "RaftTests", dependencies: ["Raft", "EtcdProto", "TestKit", protobuf]),
        .testTarget(name: "YAMLTests", dependencies: ["YAML", "TestKit"], exclude: ["Testdata"]),
        .testTarget(
            name: "ClusterAPITests",
            dependencies: ["ClusterAPI", "YAML", "TestKit"],
            exclude: ["Testdata"]
        ),
        .testTarget(name: "StorageTests", dependencies: ["Storage", "Raft", "TestKit"]),
        .testTarget(
            name: "GRPCTests",
            dependencies: ["GRPC", "EtcdClient", "CNGHTTP2", "TestKit", nioCore, nioPosix]
        ),
        .testTarget(
            name: "KeyspaceTests",
            dependencies: ["Keyspace", "EtcdProto", "TestKit", protobuf],
            exclude: ["Testdata"]
        ),
        .testTarget(name: "PlanningTests", dependencies: ["Planning", "ClusterAPI", "TestKit"]),
        .testTarget(
            name: "MemberTests",
            dependencies: [
                "Member", "Raft", "Storage", "Keyspace", "EtcdProto", "Simulator", "TestKit",
                logging,
                protobuf,
            ]
        ),
        .testTarget(
            name: "SimulatorTests",
            dependencies: ["Simulator", "Chance", "TestKit", "simulate"]
        ),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Server", "Member", "Raft", "Storage", "Keyspace", "EtcdProto", "EtcdClient",
                "GRPC",
                "TestKit", "etcd-member", protobuf, nioCore, nioPosix, nioHTTP1, logging, crypto,
            ]
        ),
        .testTarget(
            name: "OperatorTests",
            dependencies: [
                "Operator", "Planning", "ClusterAPI", "YAML", "Storage", "Raft", "GRPC",
                "EtcdProto", "TestKit", logging, nioCore, nioPosix, protobuf,
            ]
        ),
        .testTarget(
            name: "ConformanceTests",
            dependencies: [
                "GRPC", "EtcdProto", "TestKit", "etcd-member", nioCore, nioPosix, protobuf,
            ],
            exclude: ["Testdata"]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "TestKit", "EtcdClient", "EtcdProto", "etcd-member", "etcd-operator", nioCore,
                nioPosix,
                protobuf,
            ]
        ),
    ]
)

for target in package.targets where target.type != .system && target.name != "EtcdProto" {
    target.swiftSettings = settings + (target.swiftSettings ?? [])
}
