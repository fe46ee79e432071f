"""What a program that uses the client library etcd3 sees of leases and of its locks."""
import os
import sys

import etcd3

etcd = etcd3.client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20)

lease = etcd.lease(600)
etcd.put("l/1", "x", lease=lease)
etcd.put("l/2", "y", lease=lease)
print("granted", lease.granted_ttl, lease.remaining_ttl > 590, sorted(lease.keys))
print("refreshed", [answer.TTL for answer in lease.refresh()])
lease.revoke()
print("revoked", etcd.get("l/1")[0], etcd.get("l/2")[0])

own = etcd.lease(60, 4321)
print("own id", own.id)
etcd.revoke_lease(4321)

short = etcd.lease(1)
events, cancel = etcd.watch("l/3")
etcd.put("l/3", "gone soon", lease=short)
print("expired", [type(next(events)).__name__ for _ in range(2)])
cancel()

with etcd.lock("door", ttl=60) as lock:
    print("locked", lock.is_acquired(), len(list(etcd.get_prefix("/locks/"))))
print("unlocked", lock.is_acquired())
etcd.close()
# The library's threads may still have something to say, for which the interpreter does not wait.
sys.stdout.flush()
os._exit(0)
