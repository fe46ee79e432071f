"""What a program that uses the client library etcd3 sees of watches."""
import os
import sys
import threading

import etcd3

etcd = etcd3.client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20)

events, cancel = etcd.watch_prefix("w/", prev_kv=True)
etcd.put("w/1", "one")
etcd.put("x", "not seen")
etcd.put("w/1", "two")
etcd.delete("w/1")
for _ in range(3):
    event = next(events)
    print(type(event).__name__, event.key, event.value, event.prev_value)
cancel()

first = etcd.get("x")[1].mod_revision
events, cancel = etcd.watch("w/1", start_revision=first)
print("from the past", next(events).value, type(next(events)).__name__)
cancel()

seen = []
done = threading.Event()


def note(response):
    seen.extend(event.value for event in response.events)
    if len(seen) == 2:
        done.set()


number = etcd.add_watch_callback("w/2", note)
etcd.put("w/2", "a")
etcd.put("w/2", "b")
print("called back", done.wait(20), seen)
etcd.cancel_watch(number)

etcd.compact(etcd.put("w/3", "x").header.revision)
events, cancel = etcd.watch("w/1", start_revision=first)
try:
    next(events)
except etcd3.exceptions.RevisionCompactedError as error:
    print("compacted", error.compacted_revision > first)
cancel()
etcd.close()
# The library's threads may still have something to say, for which the interpreter does not wait.
sys.stdout.flush()
os._exit(0)
