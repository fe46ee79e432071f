#!/usr/bin/env python3
"""Records how a real etcd answers a random sequence of requests.

    record.py SEED STEPS > transcript.tsv

Starts the `etcd` of the path in a temporary directory, talks to its JSON gateway, and writes one line for
each request: its kind, the request, and the response or `error CODE TEXT`, separated by tabs.
KeyspaceTests replays the file.
"""
import base64, json, os, random, shutil, socket, subprocess, sys, tempfile, time
import urllib.error, urllib.request

seed, steps = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)

# No more than twelve: real etcd's order of equal elements is that of their keys only up to there.
KEYS = [b"a", b"a\x00", b"ab", b"abc", b"b", b"b/1", b"b/2", b"b/3", b"c", b"\x00", b"\xff",
        b"\xff\xff"]
ENDS = KEYS + [b"b0", b"d", b"\x01", b"b/"]
LEASES = [101, 2**62 + 5, 7]
compacted, current = 0, 1


def text(data):
    return base64.b64encode(data).decode()


def value():
    return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 3, 8])))


def revision():
    """Mostly the current one, sometimes an older, a compacted, a future or a negative one."""
    if rng.random() < 0.55:
        return 0
    return rng.choice([rng.randint(max(compacted, 1), current), current, current + 1,
                       max(compacted - 1, 1), rng.randint(1, current), -1])


def bounds(request):
    request["key"] = text(rng.choice(KEYS))
    kind = rng.random()
    if kind < 0.35:
        return request
    if kind < 0.55:
        request["range_end"] = text(b"\x00")
    elif kind < 0.65:
        request["key"], request["range_end"] = text(b"\x00"), text(b"\x00")
    else:
        request["range_end"] = text(rng.choice(ENDS))
    return request


def put(may_ignore=True):
    request = {"key": text(rng.choice(KEYS)), "value": text(value())}
    if rng.random() < 0.3:
        request["prev_kv"] = True
    if may_ignore and rng.random() < 0.12:
        request["ignore_value"] = True
        if rng.random() < 0.8:
            request.pop("value")
    if may_ignore and rng.random() < 0.12:
        request["ignore_lease"] = True
    if rng.random() < 0.15:
        request["lease"] = rng.choice(LEASES + [999])
    if rng.random() < 0.02:
        request["key"] = ""
    return request


def ranged():
    request = bounds({})
    if rng.random() < 0.02:
        request["key"] = ""
    request["revision"] = revision()
    if rng.random() < 0.4:
        request["limit"] = rng.randint(-1, 6)
    if rng.random() < 0.4:
        request["sort_order"] = rng.choice(["NONE", "ASCEND", "DESCEND"])
        request["sort_target"] = rng.choice(["KEY", "VERSION", "CREATE", "MOD", "VALUE"])
    for name, chance in (("keys_only", 0.15), ("count_only", 0.15), ("serializable", 0.2)):
        if rng.random() < chance:
            request[name] = True
    for name in ("min_mod_revision", "max_mod_revision",
                 "min_create_revision", "max_create_revision"):
        if rng.random() < 0.08:
            request[name] = rng.randint(0, current + 1)
    return request


def delete():
    request = bounds({})
    if rng.random() < 0.4:
        request["prev_kv"] = True
    return request


def compare():
    request = bounds({"result": rng.choice(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])})
    target = rng.choice(["VERSION", "CREATE", "MOD", "VALUE", "LEASE"])
    request["target"] = target
    name = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision",
            "VALUE": "value", "LEASE": "lease"}[target]
    if rng.random() < 0.05:
        return request
    operand = {"VERSION": rng.randint(0, 3), "CREATE": rng.choice([0, rng.randint(0, current)]),
               "MOD": rng.randint(0, current), "VALUE": text(value()),
               "LEASE": rng.choice([0] + LEASES)}[target]
    request[name] = operand
    return request


def operation(depth, deletes):
    """A put of a key that was deleted before in the same transaction must not ignore its value or
    lease: real etcd crashes."""
    kind = rng.random()
    if kind < 0.42:
        return {"request_put": put(may_ignore=not deletes)}
    if kind < 0.7:
        return {"request_range": ranged()}
    if kind < 0.85 and deletes:
        return {"request_delete_range": delete()}
    if depth < 3:
        return {"request_txn": txn(depth + 1, deletes)}
    return {} if rng.random() < 0.1 else {"request_range": ranged()}


def operations(depth, deletes):
    return [operation(depth, deletes) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))]


def txn(depth=0, deletes=True):
    request = {"compare": [compare() for _ in range(rng.choice([0, 0, 1, 1, 2]))],
               "success": operations(depth, deletes), "failure": operations(depth, deletes)}
    if depth == 0 and rng.random() < 0.01:
        request["success"] = [{"request_put": {"key": text(b"k%d" % n)}} for n in range(129)]
    return request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(path, request):
    """The response, or (code, text)."""
    body = json.dumps(request).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v3/{path}", body)) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        failure = json.load(error)
        return failure["code"], failure["error"]


def write(kind, request, response):
    global current
    line = json.dumps(request, separators=(",", ":"))
    if isinstance(response, tuple):
        answer = "error %d %s" % response
    else:
        header = response.get("header", {})
        current = int(header.get("revision", current))
        response["header"] = {"revision": header["revision"]} if "revision" in header else {}
        answer = json.dumps(response, separators=(",", ":"))
    print(kind, line, answer, sep="\t")


def hash_at(wanted):
    environment = dict(os.environ, ETCDCTL_API="3")
    output = subprocess.run(
        ["etcdctl", "--endpoints", url, "endpoint", "hashkv", "--rev", str(wanted), "-w", "json"],
        env=environment, capture_output=True, text=True)
    answer = json.loads(output.stdout)[0]["HashKV"]
    write("hashKV", {"revision": wanted}, {
        "header": {"revision": answer["header"]["revision"]},
        "hash": answer["hash"], "compact_revision": answer.get("compact_revision", 0)})


def step():
    global compacted
    kind = rng.random()
    if kind < 0.02:
        wanted = rng.choice([0, compacted, current + 1, rng.randint(compacted, current),
                             rng.randint(compacted, current), current - 3, current])
        request = {"revision": wanted, "physical": True}
        response = call("kv/compaction", request)
        write("compact", request, response)
        if not isinstance(response, tuple):
            compacted = wanted
            hash_at(0)
    elif kind < 0.035:
        if current > compacted + 1:
            hash_at(rng.randint(max(compacted, 0) + 1, current))
    elif kind < 0.42:
        request = put()
        write("put", request, call("kv/put", request))
    elif kind < 0.64:
        request = ranged()
        write("range", request, call("kv/range", request))
    elif kind < 0.70:
        request = delete()
        write("delete", request, call("kv/deleterange", request))
    else:
        request = txn(deletes=rng.random() < 0.7)
        write("txn", request, call("kv/txn", request))


directory = tempfile.mkdtemp()
url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
etcd = subprocess.Popen(
    ["etcd", "--data-dir", directory, "--listen-client-urls", url, "--advertise-client-urls", url,
     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
     "--initial-cluster", f"default={peer}"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}/health").read()
            break
        except OSError:
            time.sleep(0.1)
    for lease in LEASES:
        call("lease/grant", {"ID": lease, "TTL": 100_000})
        print("lease", lease, sep="\t")
    for _ in range(steps):
        step()
    hash_at(0)
finally:
    etcd.kill()
    etcd.wait()
    shutil.rmtree(directory)
