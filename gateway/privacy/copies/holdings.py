"""Everything that is held about one guest, section by section, as rows that can be written down."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from msgspec import Struct, json, structs

from gateway import ids
from gateway.batches import Batches
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.guestbook.seals import Seals
from gateway.letters import Letters
from gateway.privacy.complaints import words_of as complaint_of
from gateway.privacy.replies.files import words_of
from gateway.privacy.requests.notices import number
from gateway.store import asks, complaints, consents, data_requests, holdings, replies, suppressions, wordings
from gateway.store.consents import Entry
from gateway.store.db import Database
from gateway.store.guestbook import Whole
from gateway.store.holdings import Point, Sent

Row = dict[str, Any]
SLICE, AUDIT_SLICE = 100, 5000
GIVEN = ("profile", "contacts", "consents")
"""Sections with what the guest gave himself, on the ground of a contract or of consent: GDPR art. 20 is about these."""
NOT_GIVEN = ("status", "source", "arrived_by", "created_at", "updated_at", "recorded_by")
"""What the house added to them."""
MOMENTS = ("at", "granted_at", "confirmed_at", "event_at", "ends_at", "expires_at", "last_used_at", "withdrawn_at")
PROGRAMS = {"key": "program", "user": "staff", "local": "staff", "gateway": "gateway", "guest": "guest"}
"""Who did something, without saying which of them (GDPR art. 15(4))."""


class Section(Struct, frozen=True):
    """Rows of one kind; `rows` yields them slice by slice, anew each time. `given`: GDPR art. 20 is about it."""

    name: str
    fields: tuple[str, ...]
    rows: Callable[[], AsyncIterator[list[Row]]]
    given: bool = False


class Holdings:
    """Looks everywhere."""

    def __init__(self, db: Database, seals: Seals, letters: Letters, batches: Batches):
        self._db, self._seals, self._letters, self._batches = db, seals, letters, batches

    def sections(self, guest: Whole) -> list[Section]:
        """What there is about a guest."""
        small = {
            "profile": (PROFILE, self._profile), "contacts": (CONTACTS, self._contacts),
            "consents": (CONSENTS, self._consents), "asks": (ASKS, self._asks),
            "stops": (STOPS, self._stops),
        }  # fmt: skip
        late = {
            "recipients": (RECIPIENTS, self._recipients),
            "replies": (REPLIES, self._replies),
            "requests": (REQUESTS, self._requests),
            "complaints": (COMPLAINTS, self._complaints),
        }
        return [
            *[Section(name, fields, self._once(read, guest), name in GIVEN) for name, (fields, read) in small.items()],
            Section("messages", MESSAGES, partial(self._messages, guest)),
            *[Section(name, fields, self._once(read, guest)) for name, (fields, read) in late.items()],
            Section("record", RECORD, partial(self._record, guest)),
        ]

    def _once(
        self, read: Callable[[sqlite3.Connection, Whole], list[Row]], guest: Whole
    ) -> Callable[[], AsyncIterator[list[Row]]]:
        async def rows() -> AsyncIterator[list[Row]]:
            yield await self._db.read(read, guest)

        return rows

    # -- small sections, in a reading thread --------------------------------------------------------------------------

    def _profile(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        profile = self._seals.open_profile(guest)
        from_list, from_batch = holdings.arrival(reader, guest.id)
        came = "import" if from_list else "batch" if from_batch else "direct"
        return [
            {
                "id": ids.public("gst", guest.uuid), "name": profile.name, "country": guest.country,
                "region": guest.region, "timezone": guest.timezone, "language": guest.language, "tags": guest.tags,
                "status": guest.status, "source": profile.source, "arrived_by": came,
                "created_at": rfc3339(guest.created_at), "updated_at": rfc3339(guest.updated_at),
            }
        ]  # fmt: skip

    def _contacts(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [
            {
                "id": ids.public("cnt", point.uuid), "kind": point.kind, "address": self.address(guest, point),
                "created_at": rfc3339(point.created_at), "removed_at": rfc3339_or_none(point.removed_at),
            }
            for point in holdings.points(reader, guest.id)
        ]  # fmt: skip

    def address(self, guest: Whole, point: Point) -> str:
        """The address of a contact point."""
        return self._letters.open_address(guest.key_id, point.uuid, point.address_sealed)

    def _consents(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [self._consent(reader, guest, entry) for entry in consents.entries(reader, guest.id)]

    def _consent(self, reader: sqlite3.Connection, guest: Whole, entry: Entry) -> Row:
        """What was said, the words it was said to, where the proof is and where it came from."""
        facts = {
            name: rfc3339(value) if name in MOMENTS and isinstance(value, int) else value
            for name, value in structs.asdict(entry.event).items()
            if name != "proof_ref" and value not in (None, False)
        }
        vault, wording = self._letters.vault, wordings.get(reader, entry.wording_id) if entry.wording_id else None
        sealed = {"proof": entry.proof_sealed, "ip": entry.ip_sealed}
        opened = {
            name: vault.unseal(guest.key_id, "consents", name, entry.uuid, one).decode() if one else None
            for name, one in sealed.items()
        }
        words = vault.open_venue("wordings", "text", wording.uuid, wording.text_sealed).decode() if wording else None
        return {"id": ids.public("con", entry.uuid)} | facts | opened | {"wording": words}

    def _asks(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [
            {"via": one.via, "channels": one.channels, "categories": one.categories, "at": rfc3339(one.asked_at),
             "expires_at": rfc3339(one.expires_at)}
            for one in asks.of(reader, guest.id)
        ]  # fmt: skip

    def _stops(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        found = suppressions.search(reader, {"guest": guest.uuid}, 10_000)
        return [
            {
                "id": ids.public("sup", stop.uuid), "scope": stop.scope, "channels": stop.channels,
                "categories": stop.categories, "classes": stop.classes, "source": stop.source,
                "created_at": rfc3339(stop.created_at), "lifted_at": rfc3339_or_none(stop.lifted_at),
            }
            for stop in reversed(found)
        ]  # fmt: skip

    def _recipients(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [
            {"provider": name, "channel": channel, "messages": count, "first_at": rfc3339(first),
             "last_at": rfc3339(last)}
            for name, channel, count, first, last in holdings.providers(reader, guest.id)
        ]  # fmt: skip

    def _replies(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [
            {"id": ids.public("rep", one.uuid), "received_at": rfc3339(one.received_at), "channel": one.channel,
             "text": words_of(self._letters.vault, one), "action": one.action, "state": one.status}
            for one in replies.of(reader, guest.id)
        ]  # fmt: skip

    def _requests(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        return [
            {
                "id": ids.public("req", one.uuid), "number": number(one), "kind": one.kind, "state": one.status,
                "received_via": one.received_via, "received_at": rfc3339(one.received_at),
                "due_date": one.due_date.isoformat(), "closed_at": rfc3339_or_none(one.closed_at),
                "refusal": one.refusal,
            }
            for one in data_requests.of(reader, guest.id)
        ]  # fmt: skip

    def _complaints(self, reader: sqlite3.Connection, guest: Whole) -> list[Row]:
        found = [(one, *complaint_of(self._letters.vault, one)) for one in complaints.of(reader, guest.id)]
        return [
            {"id": ids.public("cmp", one.uuid), "received_via": one.received_via,
             "received_at": rfc3339(one.received_at), "text": said, "answer": answer,
             "closed_at": rfc3339_or_none(one.closed_at)}
            for one, said, answer in found
        ]  # fmt: skip

    # -- long ones ----------------------------------------------------------------------------------------------------

    async def _messages(self, guest: Whole) -> AsyncIterator[list[Row]]:
        addresses = {one.uuid: self.address(guest, one) for one in await self._db.read(holdings.points, guest.id)}
        after = 0
        while sent := await self._db.read(holdings.messages, guest.id, after, SLICE):
            stories = await self._db.read(holdings.happenings, [one.id for one in sent])
            rows = [await self._message(guest, one, addresses) for one in sent]
            for row, one in zip(rows, sent, strict=True):
                row["events"] = [{"type": event.type, "at": rfc3339(event.at)} for event in stories.get(one.id, ())]
            yield rows
            after = sent[-1].id

    async def _message(self, guest: Whole, sent: Sent, addresses: dict[bytes, str]) -> Row:
        decision = json.decode(sent.decision)
        row: Row = {
            "id": ids.public("msg", sent.uuid), "created_at": rfc3339(sent.created_at), "channel": sent.channel,
            "class": sent.class_, "category": sent.category, "state": sent.state, "provider": sent.provider,
            "settled_at": rfc3339_or_none(sent.settled_at), "reference": sent.reference,
            "reasons": [*decision.get("reasons", ()), *decision.get("basis", ())],
            "to": addresses.get(sent.contact_uuid or b""), "subject": None, "text": None, "html": None, "metadata": {},
        }  # fmt: skip
        if sent.content_sealed is not None:
            own = self._letters.open(guest.key_id, sent.uuid, sent.content_sealed)
            await self._batches.ready(sent.batch_id, sent.template_version_id)
            words = self._batches.letter(sent.batch_id, sent.template_version_id, own)
            row |= {"subject": words.subject or None, "text": words.text, "html": words.html or None,
                    "metadata": own.metadata}  # fmt: skip
        return row

    async def _record(self, guest: Whole) -> AsyncIterator[list[Row]]:
        """The audit log's entries about him. It is long, and looked through from end to end."""
        found = await self._db.read(holdings.ids, guest.id)
        about = {ids.public(kind, uuid) for kind, uuid in found}
        after: int | None = 0
        while after is not None:
            entries, after = await self._db.read(holdings.audit, about, after, AUDIT_SLICE)
            yield [
                {"at": one["ts"], "action": one["action"], "object": one["object"],
                 "by": PROGRAMS.get(one["actor"].partition(":")[0], "program")}
                for one in entries
            ]  # fmt: skip
            await asyncio.sleep(0)


PROFILE = (
    "id", "name", "country", "region", "timezone", "language", "tags", "status", "source", "arrived_by", "created_at",
    "updated_at",
)  # fmt: skip
CONTACTS = ("id", "kind", "address", "created_at", "removed_at")
CONSENTS = (
    "id", "action", "at", "kind", "channels", "categories", "source", "wording_version", "wording", "proof", "ip",
    "granted_at", "confirmed_at", "event_at", "ends_at", "expires_at", "last_used_at",
)  # fmt: skip
ASKS = ("via", "channels", "categories", "at", "expires_at")
STOPS = ("id", "scope", "channels", "categories", "classes", "source", "created_at", "lifted_at")
MESSAGES = (
    "id", "created_at", "channel", "class", "category", "state", "provider", "to", "subject", "text", "html",
    "metadata", "reference", "reasons", "settled_at",
)  # fmt: skip
RECIPIENTS = ("provider", "channel", "messages", "first_at", "last_at")
REQUESTS = (
    "id", "number", "kind", "state", "received_via", "received_at", "due_date", "closed_at", "refusal",
)  # fmt: skip
COMPLAINTS = ("id", "received_via", "received_at", "text", "answer", "closed_at")
REPLIES = ("id", "received_at", "channel", "text", "action", "state")
RECORD = ("at", "action", "object", "by")
"""What a row of each section says, in order; a consent has more, where it was said."""
