"""What a program that uses the client library aetcd sees of leases."""
import asyncio
import sys

import aetcd


async def main():
    async with aetcd.Client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20) as etcd:
        lease = await etcd.lease(600)
        await etcd.put(b"l/1", b"x", lease=lease)
        print("granted", await lease.granted_ttl(), await lease.remaining_ttl() > 590)
        print("keys", await lease.keys())
        print("refreshed", (await lease.refresh()).TTL)
        await lease.revoke()
        print("revoked", await etcd.get(b"l/1"))


asyncio.run(main())
