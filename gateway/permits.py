"""What may be sent to a guest, channel by channel and class by class: whether, why, and since when."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct, field, structs

from gateway.addresses import Addresses
from gateway.clock import rfc3339, rfc3339_or_none
from gateway.compliance import Case, Compliance
from gateway.compose import Declared
from gateway.errors import Invalid, NotFound
from gateway.guestbook.book import uuid_of
from gateway.letters import Envelope
from gateway.model import CHANNELS, ChannelName, MessageClass
from gateway.orders import Recipient, Slug
from gateway.rules import Given, Result
from gateway.store import guests
from gateway.store.db import Database
from gateway.views import Compliance as Told
from gateway.views import GuestId, Time

CLASSES: tuple[MessageClass, ...] = ("marketing", "transactional", "informational")
Word = Literal["consent", "suppression"]


class PermitQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """About which subject."""

    category: Slug = "general"


class Permit(Struct, frozen=True, kw_only=True):
    """The judgement of a message of this channel and class now. `since`: when the guest's word that decides it was
    given, and `by` which word it was; null where it rests on neither."""

    channel: ChannelName
    class_: MessageClass = field(name="class")
    since: Time | None
    by: Word | None
    compliance: Told


class GuestPermits(Struct, frozen=True):
    """Every channel a guest can be reached over and a provider serves."""

    guest_id: GuestId
    category: str
    at: Time
    permits: list[Permit]


class Permits:
    """Asks the rules what they would say."""

    def __init__(self, db: Database, addresses: Addresses, compliance: Compliance):
        self._db, self._addresses, self._compliance = db, addresses, compliance

    def of(self, public: str, category: str) -> GuestPermits:
        """Of a guest. Raises NotFound."""
        if guests.named(self._db.reader, uuid_of(public), "email") is None:
            raise NotFound()
        permits = [permit for channel in CHANNELS for permit in self._over(public, channel, category)]
        return GuestPermits(public, category, rfc3339(self._db.clock.now()), permits)

    def _over(self, public: str, channel: ChannelName, category: str) -> Iterator[Permit]:
        try:
            named = self._addresses.find(Recipient(guest_id=public), channel)
        except Invalid:  # he has no such address, or no addresses any more
            return
        if not self._compliance.serves(channel):
            return
        for class_ in CLASSES:
            plain = Envelope(declares=Declared(contains_promotion=class_ == "marketing", transactional_first=True))
            given = self._compliance.given(Case(channel, class_, category, named.address, None, plain), named)
            yield self._permit(given, channel, class_)

    def _permit(self, given: Given, channel: ChannelName, class_: MessageClass) -> Permit:
        book = self._compliance.rulebook
        result = book.judge(given)
        since, by = self._decided(given, result)
        told: Any = book.explain(result)
        return Permit(channel=channel, class_=class_, since=rfc3339_or_none(since), by=by, compliance=told)

    def _decided(self, given: Given, result: Result) -> tuple[int | None, Word | None]:
        """The guest's word without which the judgement would be another: the oldest stop, or the oldest consent."""
        judge = self._compliance.rulebook.judge
        if result.decision == "deny":
            alone = (structs.replace(given, suppressions=[one]) for one in given.suppressions or ())
            stops = [one.suppressions[0].created_at for one in alone if _stopped(judge(one))]  # type: ignore[index]
            return _oldest(stops), "suppression" if stops else None
        if judge(structs.replace(given, consents=None)).decision != "deny":
            return None, None
        single = (structs.replace(given, consents=[one]) for one in given.consents or ())
        words = [one.consents[0] for one in single if judge(one).decision != "deny"]  # type: ignore[index]
        return _oldest([word.granted_at or word.event_at for word in words]), "consent" if words else None


def _stopped(result: Result) -> bool:
    return any(reason.startswith("CORE-SUP") and reason != "CORE-SUP-9" for reason in result.reasons)


def _oldest(moments: Sequence[int | None]) -> int | None:
    return min((at for at in moments if at is not None), default=None)
