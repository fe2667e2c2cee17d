"""How long the check of a million audit entries takes, and a proof that one of them is among them."""

import sqlite3
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from gateway.ledger import GENESIS, TILE, Entry, Frontier, encode, verify
from gateway.ledger.entry import digest
from gateway.record.proofs import tree
from gateway.store import schema

ENTRIES = 1_000_000


def measure() -> list[dict]:
    """Seconds for the whole record."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "gateway.db"
        schema.create_or_migrate(path)
        write(path)
        began = time.monotonic()
        report = verify(path)
        seconds = time.monotonic() - began
        if not report.ok or report.size != ENTRIES:
            raise RuntimeError(report.reason)
        milliseconds = prove(path, report.root)
    return [
        {"figure": "check of 1,000,000 audit entries, s", "value": round(seconds, 1), "at_most": 60,
         "reached": seconds <= 60},
        {"figure": "proof that an entry is among 1,000,000, ms", "value": round(milliseconds, 1), "at_most": 2000,
         "reached": milliseconds <= 2000},
    ]  # fmt: skip


def prove(path: Path, root: str) -> float:
    """Milliseconds for the path of one entry, with the check that it belongs to this root."""
    with closing(sqlite3.connect(path)) as reader:
        began = time.monotonic()
        whole = tree(reader, ENTRIES)
        if not whole.inclusion(ENTRIES // 3) or whole.root().hex() != root:
            raise RuntimeError("no proof")
        return (time.monotonic() - began) * 1000


def write(path: Path) -> None:
    """A record as the gateway writes it."""
    db, prev, frontier = sqlite3.connect(path), GENESIS, Frontier()
    rows, tiles = [], []
    for seq in range(1, ENTRIES + 1):
        entry = Entry("key:AbCdEfGh", "message.accepted", f"msg_{seq:026d}", sha256(b"%d" % seq).digest(), seq * 1000)
        encoded = encode(entry, seq, prev)
        prev = digest(encoded)
        rows.append((seq, encoded))
        tile = frontier.append(encoded)
        if tile is not None:
            tiles.append((seq // TILE - 1, tile))
    db.executemany("INSERT INTO audit VALUES (?, ?)", rows)
    db.executemany("INSERT INTO audit_tiles VALUES (?, ?)", tiles)
    db.commit()
    db.close()
