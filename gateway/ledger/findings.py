"""What a check of the record says, and the reading of an entry that both checks begin with."""

from typing import Any

from msgspec import DecodeError, Struct, json

from gateway.ledger.entry import is_canonical

MEMBERS = {"action", "actor", "data_hash", "object", "prev", "seq", "ts"}


class Report(Struct, frozen=True):
    """What was found. `seq` and `reason` name the first thing wrong. `signed`: so many entries, from the first on, are
    vouched for by a checkpoint; what follows could be written anew by whoever can write the file. `unpinned`: nothing
    was vouched for by a key from outside, because none was given or because there is no checkpoint."""

    ok: bool
    size: int
    root: str = ""
    seq: int | None = None
    reason: str | None = None
    unpinned: bool = True
    signed: int = 0


class Wrong(Exception):
    """The log is not as it was written."""

    def __init__(self, seq: int, reason: str):
        super().__init__(reason)
        self.seq, self.reason = seq, reason


def members_of(entry: bytes, seq: int) -> dict[str, Any]:
    """What an entry says, as number `seq`. Raises Wrong for one that is not in its canonical form or says another
    number."""
    try:
        members = json.decode(entry, type=dict)
    except (DecodeError, UnicodeDecodeError, TypeError):
        raise Wrong(seq, "the entry is not readable") from None
    if members.keys() != MEMBERS or not is_canonical(entry, members):
        raise Wrong(seq, "the entry is not in its canonical form")
    if members["seq"] != seq:
        raise Wrong(seq, "the entry says another number")
    return members
