"""What a program that uses the client library etcd3 sees: keys, ranges, transactions."""
import os
import sys

import etcd3

etcd = etcd3.client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20)


def show(what, *values):
    print(what, *values)


show("get missing", etcd.get("a")[0])
etcd.put("a", "1")
value, meta = etcd.get("a")
show("get", value, meta.key, meta.version, meta.create_revision, meta.mod_revision)
show("put prev_kv", etcd.put("a", "2", prev_kv=True).prev_kv.value)
for number in range(5):
    etcd.put(f"p/{number}", str(9 - number))
show("prefix", [(v, m.key) for v, m in etcd.get_prefix("p/")])
show("descending", [m.key for _, m in etcd.get_prefix("p/", sort_order="descend")])
show("by value", [v for v, _ in etcd.get_prefix("p/", sort_order="ascend", sort_target="value")])
show("keys only", [(v, m.key) for v, m in etcd.get_prefix("p/", keys_only=True)])
show("range", [m.key for _, m in etcd.get_range("p/1", "p/3")])
show("all", len(list(etcd.get_all())))
show("put if absent", etcd.put_if_not_exists("a", "x"), etcd.put_if_not_exists("b", "x"))
show("replace", etcd.replace("b", "x", "y"), etcd.replace("b", "x", "z"), etcd.get("b")[0])
show("delete", etcd.delete("b"), etcd.delete("b"))
show("delete prefix", etcd.delete_prefix("p/").deleted)

t = etcd.transactions
ok, answers = etcd.transaction(
    compare=[t.value("a") == "2", t.version("a") > 1],
    success=[t.put("a", "3"), t.put("c", "4"), t.get("a")],
    failure=[t.put("a", "wrong")],
)
show("transaction", ok, [[v for v, _ in a] for a in answers if isinstance(a, list)])
ok, answers = etcd.transaction(
    compare=[t.create("c") == 0], success=[], failure=[t.get("c"), t.delete("c"), t.get("c")]
)
show("else", ok, [[v for v, _ in a] for a in answers if isinstance(a, list)])

etcd.compact(etcd.get("a")[1].mod_revision)
try:
    etcd.compact(1)
except Exception as error:
    show("compacted", type(error).__name__, error.details() if hasattr(error, "details") else error)
show("members", [(m.name, m.peer_urls == [sys.argv[2]]) for m in etcd.members])
show("status", etcd.status().leader.name, etcd.status().db_size > 0)
show("get", etcd.get("a")[0])
etcd.close()
# The library's threads may still have something to say, for which the interpreter does not wait.
sys.stdout.flush()
os._exit(0)
