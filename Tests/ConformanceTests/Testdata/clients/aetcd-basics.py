"""What a program that uses the client library aetcd sees: keys, ranges, transactions."""
import asyncio
import sys

import aetcd


async def main():
    async with aetcd.Client(host="127.0.0.1", port=int(sys.argv[1]), timeout=20) as etcd:
        print("get missing", await etcd.get(b"a"))
        await etcd.put(b"a", b"1")
        got = await etcd.get(b"a")
        print("get", got.key, got.value, got.version, got.create_revision, got.mod_revision)
        print("put prev_kv", (await etcd.put(b"a", b"2", prev_kv=True)).prev_kv.value)
        for number in range(5):
            await etcd.put(f"p/{number}".encode(), str(9 - number).encode())
        found = await etcd.get_prefix(b"p/", sort_order="descend")
        print("prefix", [(kv.key, kv.value) for kv in found])
        print("range", [kv.key for kv in await etcd.get_range(b"p/1", b"p/3")])
        print("all", len(list(await etcd.get_all())))
        print("replace", await etcd.replace(b"a", b"2", b"3"), await etcd.replace(b"a", b"2", b"4"))
        print("delete", (await etcd.delete(b"a", prev_kv=True)).prev_kv.value, await etcd.delete(b"a"))
        print("delete prefix", (await etcd.delete_prefix(b"p/")).deleted)
        t = etcd.transactions
        ok, answers = await etcd.transaction(
            compare=[t.version(b"t") == 0],
            success=[t.put(b"t", b"1"), t.get(b"t")],
            failure=[t.delete(b"t")],
        )
        print("transaction", ok, len(answers))
        ok, answers = await etcd.transaction(
            compare=[t.value(b"t") == b"2"], success=[], failure=[t.put(b"t", b"3")]
        )
        print("else", ok, (await etcd.get(b"t")).value)
        status = await etcd.status()
        print("status", status.leader.name, status.db_size > 0)
        print("members", [member.name async for member in etcd.members()])


asyncio.run(main())
