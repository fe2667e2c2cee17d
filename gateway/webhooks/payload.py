"""What is said of an event: ids, states and the venue's own words; never who the guest is or what he was written."""

import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec import json

from gateway import ids
from gateway.clock import rfc3339
from gateway.letters import Letters
from gateway.model import TRANSITIONS
from gateway.store import batches, feed, messages
from gateway.store.feed import Fact
from gateway.vault import CannotOpen

TEST = "webhook.test"
EVENTS = (
    *(f"message.{state}" for state in TRANSITIONS if state not in (None, "sending")),
    "batch.finished", "guest.opted_out", "guest.replied", "consent.changed", "data_request.due",
)  # fmt: skip
"""What a webhook can be told of."""
CONSENT = ("kind", "channels", "categories")
REMINDERS = ("expiring", "expired")


class Payloads:
    """Makes bodies out of rows, anew at every attempt: nothing of them is stored."""

    def __init__(self, letters: Letters):
        self._letters = letters
        self._tellers: dict[str, Callable[[sqlite3.Connection, Fact, bool], dict[str, Any] | None]] = {
            "events": self._message,
            "consents": _consent,
            "suppressions": _stop,
            "batches": _batch,
            "requests": _request,
            "replies": _reply,
            "tests": lambda reader, fact, with_metadata: {},
        }

    def of(self, reader: sqlite3.Connection, fact: Fact, with_metadata: bool) -> bytes | None:
        """The body that tells of a fact; None when nothing is left to tell."""
        data = self._tellers[fact.source](reader, fact, with_metadata)
        if data is None:
            return None
        return json.encode({"type": fact.type, "timestamp": rfc3339(fact.at), "data": data})

    def _message(self, reader: sqlite3.Connection, fact: Fact, with_metadata: bool) -> dict[str, Any] | None:
        row = feed.message(reader, fact.source_id)
        if row is None:
            return None
        data = {
            "message_id": ids.public("msg", row["uuid"]),
            "status": fact.type.removeprefix("message."),
            "channel": row["channel"],
            "category": row["category"],
            "reference": row["reference"],
            "reasons": row["reasons"],
        }
        return data | {"metadata": self._metadata(reader, row["id"])} if with_metadata else data

    def _metadata(self, reader: sqlite3.Connection, message_id: int) -> dict[str, str]:
        """The caller's own words about a message; none once its guest was erased."""
        sealed = messages.content(reader, message_id)
        try:
            return self._letters.open(sealed.key_id, sealed.uuid, sealed.content_sealed).metadata if sealed else {}
        except CannotOpen:
            return {}


def _consent(reader: sqlite3.Connection, fact: Fact, _: bool) -> dict[str, Any] | None:
    row = feed.consent(reader, fact.source_id)
    if row is None:
        return None
    told = {
        "consent_id": ids.public("con", row["uuid"]),
        "guest_id": ids.public("gst", row["guest_uuid"]),
        "action": row["action"],
    } | {name: row["facts"].get(name) for name in CONSENT}
    if row["action"] not in REMINDERS:
        return told
    return told | {"ends_at": rfc3339(row["facts"]["expires_at"])}


def _stop(reader: sqlite3.Connection, fact: Fact, _: bool) -> dict[str, Any] | None:
    row = feed.suppression(reader, fact.source_id)
    if row is None:
        return None
    named = {name: row[name] for name in ("scope", "channels", "categories", "classes", "source")}
    guests = [ids.public("gst", uuid) for uuid in row["guests"]]
    return {"suppression_id": ids.public("sup", row["uuid"]), "guest_ids": guests} | named


def _batch(reader: sqlite3.Connection, fact: Fact, _: bool) -> dict[str, Any] | None:
    row = feed.batch(reader, fact.source_id)
    if row is None:
        return None
    return {
        "batch_id": ids.public("bat", row["uuid"]),
        "status": "cancelled" if row["cancelled"] else "finished",
        "channel": row["channel"],
        "category": row["category"],
        "counts": batches.states(reader, row["id"]),
    }


def _request(reader: sqlite3.Connection, fact: Fact, _: bool) -> dict[str, Any] | None:
    row = feed.request(reader, fact.source_id)
    if row is None:
        return None
    guest = ids.public("gst", row["guest_uuid"]) if row["guest_uuid"] else None
    return {
        "request_id": ids.public("req", row["uuid"]), "guest_id": guest, "kind": row["kind"], "status": row["status"],
        "due_date": row["due_date"], "overdue": bool(row["overdue"]),
    }  # fmt: skip


def _reply(reader: sqlite3.Connection, fact: Fact, _: bool) -> dict[str, Any] | None:
    row = feed.reply(reader, fact.source_id)
    if row is None:
        return None
    return {
        "reply_id": ids.public("rep", row["uuid"]),
        "guest_id": ids.public("gst", row["guest_uuid"]) if row["guest_uuid"] else None,
        "suppression_id": ids.public("sup", row["suppression"]) if row["suppression"] else None,
    } | {name: row[name] for name in ("channel", "action", "reasons", "status")}
