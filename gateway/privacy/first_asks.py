"""Guests whose address somebody else gave are asked, once, whether they want more than what they were invited to."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import json

from gateway import ids
from gateway.addresses import Addresses, Named
from gateway.callers import Caller
from gateway.clock import Clock
from gateway.errors import BadInput, Blocked, Conflict, Fault, Invalid
from gateway.facts import Facts, Known
from gateway.intake import Intake
from gateway.model import CONTACT_OF
from gateway.orders import Blocking, Chosen, Recipient, Rejected
from gateway.privacy.forms import MOST_ASKED, AskFirstAnswer, AskFirstOrder, LeftOut
from gateway.privacy.questions import Question, Questions, sending
from gateway.rules import DEAD_ADDRESS, Rulebook, Suppression, fails
from gateway.store import asks, guestbook
from gateway.store.db import Database

ABREAST = 50
"""How many are asked at the same time: they share the price of a commit."""
SHOWN = 1000
LEFT_OUT = ("asked-before", "said-stop", "agreed")
Outcome = tuple[str, Iterable[str]]
"""What became of one, and the rules that refused him."""


class FirstAsks:
    """Asks those who did not ask."""

    def __init__(self, db: Database, addresses: Addresses, facts: Facts, intake: Intake, questions: Questions,
                 rulebook: Rulebook, clock: Clock):  # fmt: skip
        self._db, self._addresses, self._facts, self._intake = db, addresses, facts, intake
        self._questions, self._rulebook, self._clock = questions, rulebook, clock

    async def ask(self, order: AskFirstOrder, caller: Caller) -> AskFirstAnswer:
        """Ask each of these guests once. Who was asked before, said stop or has agreed is left out; where the law sees
        an advertisement in the question itself, and forbids it, it is refused and kept as a blocked message. Raises
        Invalid for a choice with nobody in it or words that cannot be used, Conflict where nobody could open the
        link."""
        self._questions.possible()
        people = await self._people(order)
        outcomes: list[Outcome | Fault] = []
        for at in range(0, len(people), ABREAST):
            some = enumerate(people[at : at + ABREAST], at)
            outcomes += await asyncio.gather(*[self._one(order, place, guest, caller) for place, guest in some])
        return self._counted(outcomes)

    async def _people(self, order: AskFirstOrder) -> Sequence[str | Recipient]:
        if not isinstance(order.guests, Chosen):
            return order.guests
        segment = order.guests.filter
        if not (segment.tags or segment.language or segment.country):
            raise Invalid(faults=[Fault("/guests/filter", "missing", "tags, language or country")])
        uuids = await self._db.read(guestbook.segment, CONTACT_OF[order.via], segment.tags, segment.language,
                                    segment.country, MOST_ASKED + 1)  # fmt: skip
        if not 0 < len(uuids) <= MOST_ASKED:
            raise Invalid(faults=[Fault("/guests/filter", "count", f"a segment with 1 to {MOST_ASKED} guests in it")])
        return [Recipient(guest_id=ids.public("gst", uuid)) for uuid in uuids]

    async def _one(self, order: AskFirstOrder, place: int, guest: str | Recipient, caller: Caller) -> Outcome | Fault:
        """Ask one of them; what became of it."""
        try:
            named = self._addresses.find(guest, order.via, f"/guests/{place}")
        except BadInput as error:
            return error.faults[0]
        if named.guest is None:
            return Fault(f"/guests/{place}", "unknown-guest", "nobody has this address yet")
        question = await self._questions.to(named, order.via, order, caller.actor)
        if why := self._left_out(question, named):
            return why, ()
        message, by = self._questions.message(question, order, guest), sending(caller.actor)
        try:
            if order.dry_run:
                result = self._intake.check(message, by).result
                return ("refused", result.reasons) if result.decision == "deny" else ("asked", ())
            await self._intake.accept(message, by, None, along=self._questions.along(question, []))
        except Blocked as error:
            return "refused", json.decode(error.details["compliance"])["reasons"]
        except Conflict:
            return "asked-before", ()
        return "asked", ()

    def _left_out(self, question: Question, named: Named) -> str | None:
        """Why this guest is not to be asked, whatever the law says."""
        guest = named.guest
        if guest is None or asks.asked_first(self._db.reader, guest.id, question.via):
            return "asked-before"
        known = self._facts.of(guest)
        if any(said_stop(one) for one in known.suppressions):
            return "said-stop"
        return "agreed" if agreed(known, question, self._clock.now()) else None

    def _counted(self, outcomes: Sequence[Outcome | Fault]) -> AskFirstAnswer:
        faults = [(place, one) for place, one in enumerate(outcomes) if isinstance(one, Fault)]
        known = [one for one in outcomes if not isinstance(one, Fault)]
        counts = Counter(what for what, _ in known)
        rules = Counter(rule for _, reasons in known for rule in reasons)
        return AskFirstAnswer(
            asked=counts["asked"],
            refused=counts["refused"],
            refused_by=[
                Blocking(rule, count, (self._rulebook.rule(rule) or {}).get("citation"))
                for rule, count in rules.most_common()
            ],
            left_out=[LeftOut(why, counts[why]) for why in LEFT_OUT if counts[why]],  # type: ignore[arg-type]
            rejected_total=len(faults),
            rejected=[Rejected(place, fault.code, fault.pointer) for place, fault in faults[:SHOWN]],
        )


def said_stop(entry: Suppression) -> bool:
    """Whether somebody said stop to offers here. That an address is dead is not his word: the rules know of it."""
    return entry.lifted_at is None and entry.source not in DEAD_ADDRESS and "marketing" in (entry.classes or ())


def agreed(known: Known, question: Question, now: int) -> bool:
    """Whether the guest has expressly agreed to all of it already."""
    return any(
        consent.kind in ("express", "express_written")
        and fails(consent, now) is None
        and set(question.channels) <= set(consent.channels or ())
        and ("*" in (consent.categories or ()) or set(question.categories) <= set(consent.categories or ()))
        for consent in known.consents
    )
