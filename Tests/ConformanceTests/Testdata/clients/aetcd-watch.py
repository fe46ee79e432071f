"""What a program that uses the client library aetcd sees of watches."""
import asyncio
import sys

import aetcd


async def main():
    async with aetcd.Client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20) as etcd:
        watch = await etcd.watch_prefix(b"w/", prev_kv=True)
        await etcd.put(b"w/1", b"one")
        await etcd.put(b"x", b"not seen")
        await etcd.put(b"w/1", b"two")
        await etcd.delete(b"w/1")
        count = 0
        async for event in watch:
            before = event.prev_kv.value if event.prev_kv else None
            print(event.kind, event.kv.key, event.kv.value, before)
            count += 1
            if count == 3:
                break
        await watch.cancel()


asyncio.run(main())
