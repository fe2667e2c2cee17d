"""What an auditor is handed for a period: every privileged act, who did it and on what, with its proof; how much else
there was; and where two people were needed, who they were."""

import codecs
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, json

from gateway import sheet
from gateway.callers import Caller
from gateway.clock import Clock, rfc3339
from gateway.errors import Conflict
from gateway.ledger import Checkpoint, Proven, proven
from gateway.ledger.checkpoint import parse
from gateway.record.chain import Record
from gateway.record.entries import AuditEntry
from gateway.record.period import Period
from gateway.record.proofs import tree
from gateway.store import audit
from gateway.store.db import Database, Tx

ROUTINE = ("message.", "batch.", "consent.", "guest.created", "guest.edited", "suppression.added")
"""What the house does all day: counted, not listed. Everything else is privileged."""
TWO_PEOPLE = {"suppression.lifted": "suppression.lift_asked"}
"""Acts that one person asks for and another one does."""
SLICE = 2000
HEAD = ("group", "seq", "ts", "actor", "action", "object", "data_hash", "second_person")
_decoder = json.Decoder(AuditEntry)


class Line(Proven, frozen=True, kw_only=True):
    """A privileged act, provable by itself. `group` is the first word of the action."""

    group: str
    ts: str
    actor: str
    action: str
    object: str


class Pair(Struct, frozen=True):
    """An act for which a second person is needed: who asked, who did it, and whether these were two."""

    action: str
    object: str
    asked_by: str
    asked_seq: int
    done_by: str
    done_seq: int
    two_people: bool


class Survey(NamedTuple):
    """A period at a glance."""

    first: int
    last: int
    counts: dict[str, int]
    pairs: list[Pair]


class Reports:
    """Writes reports. What one holds is read in slices, in a reading thread."""

    def __init__(self, db: Database, record: Record, clock: Clock):
        self._db, self._record, self._clock = db, record, clock

    async def as_json(self, period: Period, zone: str, caller: Caller) -> AsyncIterator[bytes]:
        """One JSON document, piece by piece, which is a proof too: `gateway audit verify --proof` takes it."""
        under, survey = await self._begin(period, caller)
        head = {
            "period": {"name": period.name, "from": rfc3339(period.begin), "to": rfc3339(period.end), "timezone": zone},
            "made_at": rfc3339(self._clock.now()),
            "made_by": caller.actor,
            "checkpoint": under.note.decode(),
            "size": under.size,
            "root": under.root.hex(),
            "key": under.key,
            "first_seq": survey.first or None,
            "last_seq": survey.last or None,
            "counts": survey.counts,
            "two_people": survey.pairs,
        }
        return self._document(head, survey, period, under)

    async def _document(
        self, head: dict[str, Any], survey: Survey, period: Period, under: Checkpoint
    ) -> AsyncIterator[bytes]:
        yield json.encode(head)[:-1] + b',"entries":['
        comma = b""
        async for lines in self._lines(survey, period, under):
            yield comma + b",\n".join(map(json.encode, lines))
            comma = b",\n"
        yield b"]}\n"

    async def as_csv(self, period: Period, caller: Caller) -> AsyncIterator[bytes]:
        """A table; its first line is the checkpoint: size, time, key, root and signature."""
        under, survey = await self._begin(period, caller)
        asked = {pair.done_seq: pair.asked_by for pair in survey.pairs}
        return self._table(survey, period, under, asked)

    async def _table(
        self, survey: Survey, period: Period, under: Checkpoint, asked: Mapping[int, str]
    ) -> AsyncIterator[bytes]:
        signature = under.note.decode().split()[-1]
        first = ("checkpoint", str(under.size), under.time, under.key, "", under.root.hex(), signature, "")
        yield codecs.BOM_UTF8 + sheet.write([HEAD, first])
        async for lines in self._lines(survey, period, under):
            yield sheet.write(
                (one.group, str(one.seq), one.ts, one.actor, one.action, one.object,
                 _decoder.decode(one.entry).data_hash, asked.get(one.seq, ""))
                for one in lines
            )  # fmt: skip

    async def _begin(self, period: Period, caller: Caller) -> tuple[Checkpoint, Survey]:
        """Note who takes a report, and sign how the record stands."""

        def act(tx: Tx) -> None:
            tx.audit(caller.actor, "audit.exported", period.name, b"\0" * 32)

        await self._db.do(act)
        under = parse(await self._record.checkpoint() or b"")
        if under is None:
            raise Conflict("The record is still empty.")
        return under, await self._db.read(_survey, period, under.size)

    async def _lines(self, survey: Survey, period: Period, under: Checkpoint) -> AsyncIterator[list[Line]]:
        at = survey.first
        while at and at <= survey.last:
            lines = await self._db.read(_slice, period, at, under.size)
            if lines:
                yield lines
            at += SLICE


def _survey(reader: sqlite3.Connection, period: Period, size: int) -> Survey:
    """Count what happened, and find who asked for what a second person then did."""
    wanted = _within(period, size)
    rows = audit.counts(reader, wanted)
    first, last = min((row[2] for row in rows), default=0), max((row[3] for row in rows), default=0)
    counts = {action: count for action, count, _, _ in rows}
    pairs = [pair for action in TWO_PEOPLE if action in counts for pair in _pairs(reader, action, wanted)]
    return Survey(first, last, counts, pairs)


def _pairs(reader: sqlite3.Connection, action: str, wanted: dict[str, Any]) -> Iterator[Pair]:
    """Whatever of this was done within the period, with who had asked for it, whenever that was."""
    asked = {one.object: one for one in map(_decoder.decode, audit.walk(reader, {"action": TWO_PEOPLE[action]}))}
    for one in map(_decoder.decode, audit.walk(reader, wanted | {"action": action})):
        if first := asked.get(one.object):
            yield Pair(action, one.object, first.actor, first.seq, one.actor, one.seq, first.actor != one.actor)


def _slice(reader: sqlite3.Connection, period: Period, at: int, size: int) -> list[Line]:
    """The privileged acts of the period among the next entries, with their proofs."""
    rows = audit.walk(reader, _within(period, min(size, at + SLICE - 1)) | {"after": at - 1})
    chosen = [(entry, raw) for raw in rows if not (entry := _decoder.decode(raw)).action.startswith(ROUTINE)]
    if not chosen:
        return []
    whole = tree(reader, size)
    return [_line(proven(whole, entry.seq, raw), entry) for entry, raw in chosen]


def _within(period: Period, last: int) -> dict[str, Any]:
    return {"before": last + 1, "from": period.begin, "to": period.end}


def _line(one: Proven, entry: AuditEntry) -> Line:
    return Line(one.seq, one.entry, one.path, group=entry.action.partition(".")[0], ts=entry.ts, actor=entry.actor,
                action=entry.action, object=entry.object)  # fmt: skip
