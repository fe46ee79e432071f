/// Every command of `etcdctl` 3.4.23 and 3.5.1, with the flags that reach the server or the form of
/// its answers. A sequence: later lines see what earlier ones wrote.
enum EtcdctlCommands {
    static let all =
        keys + transactions + watches + history + leases + concurrency + members + maintenance
        + large + checks

    /// What these do needs no server, or is about another one.
    static let local = [
        "help", "completion bash", "completion fish", "completion powershell", "completion zsh",
        "migrate",
    ]

    private static let keys =
        [
            "etcdctl version",
            "etcdctl put hello world",
            "etcdctl get hello",
            "etcdctl put a/1 one", "etcdctl put a/2 two", "etcdctl put a/3 three",
            "etcdctl put b bee",
            "etcdctl put a/2 'two again' --prev-kv",
            "etcdctl put a/2 twice --prev-kv -w json",
            "etcdctl put a/2 more -w fields",
            "echo piped | etcdctl put from-stdin",
            "etcdctl put -- -dash -value", "etcdctl get -- -dash",
            "etcdctl put binary $'\\x01\\xff'", "etcdctl get binary --hex",
            "etcdctl get a/ --prefix",
            "etcdctl get a/ --prefix --hex",
            "etcdctl get a/ --prefix --limit=2 -w json",
            "etcdctl get a/ --prefix --order=DESCEND",
            "etcdctl get a/ --prefix --sort-by=MODIFY --order=ASCEND",
            "etcdctl get a/ --prefix --sort-by=CREATE --order=DESCEND",
            "etcdctl get a/ --prefix --sort-by=VALUE --order=DESCEND --limit=1",
            "etcdctl get a/ --prefix --sort-by=VERSION --order=DESCEND",
            "etcdctl get a/ --prefix --sort-by=KEY",
            "etcdctl get a/ --prefix --sort-by=NONE",
            "etcdctl get a/ --prefix --order=SIDEWAYS",
            "etcdctl get a/ --prefix --keys-only",
            "etcdctl get a/ --prefix --print-value-only",
            "etcdctl get a/ --prefix --count-only -w fields",
            "etcdctl get a/ --prefix --count-only",
            "etcdctl get a/ --prefix --count-only -w json",
            "etcdctl get a/ --prefix --from-key",
            "etcdctl get a/1 a/3", "etcdctl get a/2 --from-key", "etcdctl get '' --from-key",
            "etcdctl get a/2 --rev=4", "etcdctl get a/2 --rev=100", "etcdctl get a/2 --rev=-1",
            "etcdctl get '' --prefix --consistency=s", "etcdctl get a/2 --consistency=x",
            "etcdctl get '' --prefix -w json", "etcdctl get '' --prefix -w simple",
            "etcdctl get nothing", "etcdctl get nothing -w json", "etcdctl get",
            // Behind the header, which has ids in it.
            "etcdctl get a/1 -w protobuf | tail -c 22 | od -An -tx1",
            "etcdctl put '' x", "etcdctl put",
            "etcdctl put hello --ignore-value", "etcdctl put nothing --ignore-value",
            "etcdctl put hello x --ignore-value",
            "etcdctl put nothing x --ignore-lease", "etcdctl put hello there --ignore-lease",
            "etcdctl put hello x --lease=77",
            "etcdctl del a/1 --prev-kv", "etcdctl del hello --prev-kv -w json",
            "etcdctl del a/ --prefix -w fields", "etcdctl del nothing",
            "etcdctl del b c", "etcdctl del binary --from-key --prev-kv", "etcdctl del ''",
            "etcdctl put a 1", "etcdctl del '' --from-key",
        ] + ["json", "fields", "table", "simple", "yaml"].map { "etcdctl get -w \($0) ''" }

    private static let transactions =
        [
            #"printf 'mod("hello") > "0"\n\nput hello there\nget hello\n\nget hello\n\n'"#,
            #"printf 'value("hello") = "world"\n\nput hello x\n\nget hello\ndel hello\n\n'"#,
            #"printf '\n\nput t 1\nput t 2\n\n\n'"#,
            #"printf '\n\nput t 1\nput u 2\n\n\n'"#,
            #"printf 'create("t") = "0"\n\n\nget t u\ndel u --prev-kv\n\n'"#,
            #"printf 'version("nothing") = "0"\n\nget "" --prefix\n\n\n'"#,
            #"printf 'nonsense\n\n\n\n'"#,
        ].flatMap { ["\($0) | etcdctl txn", "\($0) | etcdctl txn -w json"] } + [
            #"printf 'value("t") = "x"\n\nput t y\n\nput t x\n\n' | etcdctl txn -i"#,
            #"printf '\n\nget t\n\n\n' | etcdctl txn -w fields"#,
            #"printf '\n\nget t\n\n\n' | etcdctl txn --hex"#,
        ]

    private static let watches = [
        "etcdctl put w/1 a", "etcdctl put w/2 b", "etcdctl put w/1 c", "etcdctl del w/2",
        "first 8 etcdctl watch w/ --prefix --rev=2",
        "first 6 etcdctl watch w/1 --rev=2 --prev-kv",
        "first 9 etcdctl watch w/ w0 --rev=2 --prev-kv",
        "first 1 etcdctl watch w/1 --rev=2 -w json",
        "first 12 etcdctl watch w/2 --rev=2 -w fields",
        "first 3 etcdctl watch w/1 --rev=2 --hex",
        "first 4 etcdctl watch w/1 --rev=2 -- sh -c 'echo $ETCD_WATCH_KEY $ETCD_WATCH_VALUE'",
        "ETCDCTL_WATCH_KEY=w/1 first 3 etcdctl watch --rev=2",
        """
        mkfifo lines; exec 3<>lines; echo 'watch w/1 --rev=2' >&3; \
        first 6 sh -c 'exec etcdctl watch -i <lines'
        """,
        "etcdctl watch",
    ]

    private static let history = [
        "etcdctl compaction 8", "etcdctl compaction 8", "etcdctl compaction 1000",
        "etcdctl compaction", "etcdctl compaction x",
        "etcdctl get a/ --prefix --rev=7", "first 1 etcdctl watch a --rev=3",
        "etcdctl compaction 9 --physical", "etcdctl get hello --rev=8",
        // Leases, which come later, have ids in what is hashed.
        "etcdctl endpoint hashkv", "etcdctl endpoint hashkv --cluster",
    ]

    private static let leases = [
        "etcdctl lease grant 600", "etcdctl lease grant 600 -w json",
        "etcdctl lease grant 600 -w fields", "etcdctl lease grant", "etcdctl lease grant x",
        "etcdctl lease grant 9000000001",
        "id=$(etcdctl lease grant 600 | cut -d' ' -f2)",
        "etcdctl put k v --lease=$id", "etcdctl put k2 v --lease=$id", "etcdctl get k -w fields",
        "etcdctl put k2 v2 --ignore-lease", "etcdctl put k2 v3",
        "etcdctl lease timetolive $id", "etcdctl lease timetolive $id --keys",
        "etcdctl lease timetolive $id --keys -w json",
        "etcdctl lease timetolive $id --keys -w fields",
        "etcdctl lease timetolive 1234", "etcdctl lease timetolive 1234 --keys",
        "etcdctl lease list", "etcdctl lease list -w json | grep -o '\"ID\"' | wc -l",
        "etcdctl lease keep-alive --once $id", "etcdctl lease keep-alive --once 1234",
        "etcdctl lease keep-alive 1234", "etcdctl lease keep-alive",
        "etcdctl lease revoke $id", "etcdctl lease revoke $id", "etcdctl lease timetolive $id",
        "etcdctl lease revoke $id -w json", "etcdctl get k", "etcdctl get k2",
        "short=$(etcdctl lease grant 2 | cut -d' ' -f2); etcdctl put short v --lease=$short",
        "first 3 etcdctl lease keep-alive $short",
        "etcdctl get short", "until_same 'etcdctl get short' true; etcdctl get short",
        "etcdctl lease timetolive $short",
        // Lasts for two seconds, so nothing that counts leases may follow soon.
        "etcdctl lease grant 0",
    ]

    private static let concurrency = [
        "first 1 etcdctl lock l",
        "etcdctl lock l -- sh -c 'echo held as $ETCD_LOCK_KEY at $ETCD_LOCK_REV; exit 3'",
        "etcdctl lock l --ttl=5 true", "etcdctl lock",
        // Who waits for it gets it from who lets go of it.
        """
        : >held; etcdctl lock q >held & one=$!; until_same 'grep -c . held' 'echo 1'; \
        etcdctl lock q echo second & two=$!; \
        until_same 'etcdctl get q --prefix --keys-only | grep -c q' 'echo 2'; \
        kill $one; wait $one; wait $two
        """,
        "etcdctl get l --prefix --count-only -w fields",
        "first 2 etcdctl elect e me", "first 2 etcdctl elect e me --hex | tail -n 1",
        """
        etcdctl elect e leader >elected & pid=$!; \
        until_same 'etcdctl get e --prefix --print-value-only' 'echo leader'; \
        first 2 etcdctl elect -l e; kill $pid; wait $pid; cat elected
        """,
        "etcdctl elect",
    ]

    private static let members =
        [
            "etcdctl member list", "etcdctl member list --hex -w json",
            "etcdctl member add x --peer-urls=nonsense", "etcdctl member add x",
            "etcdctl member add",
            // Members are listed by their ids.
            "etcdctl member add x --learner --peer-urls=http://127.0.0.1:9 "
                + "| sed /INITIAL_CLUSTER=/d",
            "x=$(etcdctl member list | grep 127.0.0.1:9 | cut -d, -f1)",
            "etcdctl member add y --learner --peer-urls=http://127.0.0.1:10",
            "etcdctl member promote $x", "etcdctl member promote $x -w json",
            "etcdctl member update $x --peer-urls=http://127.0.0.1:11",
            "etcdctl member remove $x", "etcdctl member remove $x",
            "etcdctl member update 1 --peer-urls=http://127.0.0.1:9",
            "etcdctl member promote 1", "etcdctl member remove 1", "etcdctl member remove z",
            "etcdctl move-leader 1", "etcdctl move-leader", "etcdctl move-leader zz",
        ] + ["json", "fields", "simple"].map { "etcdctl member list -w \($0)" }
        // Columns are as wide as what is in them.
        + ["etcdctl member list -w table | tr -s ' -'"]

    private static let maintenance =
        [
            "etcdctl endpoint health | sed 's/took.*//'",
            "etcdctl endpoint hashkv --rev=3",
            "etcdctl endpoint health --cluster | sed 's/took.*//'",
            "etcdctl endpoint status | cut -d, -f1-3,5-6",
            "etcdctl endpoint status --cluster -w json",
            "etcdctl endpoint status -w fields",
            "etcdctl endpoint status -w table | sed -n 2p | tr -s ' '",
            "etcdctl endpoint health -w json",
            "$TOOL --endpoints=127.0.0.1:1 --dial-timeout=200ms --command-timeout=500ms "
                + "endpoint health 2>&1 | tail -1",
            "etcdctl alarm list", "etcdctl alarm disarm", "etcdctl alarm list -w json",
            "etcdctl defrag", "etcdctl defrag --cluster",
            "etcdctl snapshot save saved.db",
            "etcdctl snapshot status saved.db -w json | sed 's/\"hash\":[0-9]*//'",
            "etcdctl snapshot restore saved.db --data-dir=restored 2>/dev/null; ls restored/member",
            "etcdctl snapshot save",
        ]

    /// Megabytes: while they come, a Go client pings to measure how far the server is away.
    private static let large = [
        "x=$(head -c 120000 /dev/zero | tr '\\0' x)",
        "for n in $(seq 20); do etcdctl put large/$n $x; done",
        "etcdctl get large/ --prefix | md5sum",
        "head -c 2000000 /dev/zero | tr '\\0' x | etcdctl put too-large",
        "etcdctl del large/ --prefix",
    ]

    /// They take a minute; their beginning is enough to see that the server takes part.
    private static let checks = [
        "etcdctl check perf --load=nonsense", "etcdctl check datascale --load=nonsense",
        """
        etcdctl check perf --prefix=perf/ >perf 2>&1 & pid=$!; \
        until_same 'test -n "$(etcdctl get perf/ --prefix --limit=1 --keys-only)" && echo yes' \
        'echo yes'; kill $pid; wait $pid; grep -c FAIL perf
        """,
    ]

    /// Lines to which etcd 3.4.23 itself answers otherwise than 3.5.1, or that came with 3.5.
    static let newer = ["etcdctl alarm list -w json", "etcdctl auth status"]

    /// What etcd-member does not serve yet, with what it says to each.
    static let notYet: [(line: String, says: String)] =
        [
            "auth enable", "auth disable", "auth status", "user add u:p", "user delete u",
            "user get u", "user list", "user grant-role u r", "user revoke-role u r",
            "role add r", "role delete r", "role get r", "role list",
            "role grant-permission r read k", "role revoke-permission r k",
        ].map { ("etcdctl \($0)", unimplemented) }
        + [("echo p | etcdctl user passwd u --interactive=false", unimplemented)]
        // It reads how much memory the server has from its metrics.
        + [
            (
                "etcdctl check datascale --prefix=scale/",
                "could not find: process_resident_memory_bytes"
            )
        ]

    private static let unimplemented = "Unimplemented desc = unknown service etcdserverpb.Auth"
}
