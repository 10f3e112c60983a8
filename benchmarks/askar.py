"""The same with aries-askar's encrypted store (SQLite), where it is installed.

It is a database: one record is written without the others. It authenticates each record by itself and not the
whole, so it does not notice one that is missing or put back from yesterday.
"""

import asyncio
import importlib
import importlib.util
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

from benchmarks.measure import row

TURNS = 5
KIND = "credential"
KDF = "kdf:argon2i:mod"
PASS_KEY = "correct horse battery staple"


def run(folder: Path, *, records: int, bytes_each: int) -> None:
    """Measure a store with so many records."""
    if importlib.util.find_spec("aries_askar") is None:
        print("  aries-askar is not installed here, so its store stands not beside ours")
        return
    asyncio.run(_run(importlib.import_module("aries_askar"), folder, records, bytes_each))


async def _run(library: ModuleType, folder: Path, records: int, bytes_each: int) -> None:
    file = folder / "askar.db"
    uri, raw_key = f"sqlite://{file}", library.Store.generate_raw_key()
    store = await library.Store.provision(uri, "raw", raw_key, recreate=True)
    async with store.transaction() as transaction:
        for number in range(records):
            value = secrets.token_bytes(bytes_each)
            await transaction.insert(KIND, str(number), value, {"kind": str(number % 10)})
        await transaction.commit()
    await store.close()

    async def open_raw() -> None:
        await (await library.Store.open(uri, "raw", raw_key)).close()

    opened = await _best(open_raw)
    store = await library.Store.open(uri, "raw", raw_key)

    async def read_all() -> None:
        assert sum([1 async for _ in store.scan(KIND)]) >= records

    async def insert() -> None:
        async with store.transaction() as transaction:
            await transaction.insert(KIND, secrets.token_hex(8), secrets.token_bytes(bytes_each))
            await transaction.commit()

    async def find_and_change() -> None:
        async with store.transaction() as transaction:
            entry = (await transaction.fetch_all(KIND, {"kind": "9"}, limit=1))[0]
            await transaction.replace(KIND, entry.name, entry.value, entry.tags)
            await transaction.commit()

    row(f"aries-askar, {records:,} records of {bytes_each:,} B: open, raw key", f"{opened:,.1f} ms")
    row("  read all", f"{await _best(read_all):,.1f} ms")
    row("  add one", f"{await _best(insert):,.1f} ms")
    row("  find one by a tag, and change it", f"{await _best(find_and_change):,.1f} ms")
    await store.rekey(KDF, PASS_KEY)
    await store.close()

    async def open_with_passphrase() -> None:
        await (await library.Store.open(uri, KDF, PASS_KEY)).close()

    derived = await _best(open_with_passphrase)
    row("  open with a passphrase (argon2i:mod)", f"{derived:,.1f} ms")
    size = sum(part.stat().st_size for part in folder.glob("askar.db*"))
    row("  size of its files", f"{size / 1e6:,.1f} MB")


async def _best(case: Callable[[], Awaitable[object]]) -> float:
    """In milliseconds."""
    best = float("inf")
    for _ in range(TURNS):
        begin = time.perf_counter()
        await case()
        best = min(best, time.perf_counter() - begin)
    return best * 1000
