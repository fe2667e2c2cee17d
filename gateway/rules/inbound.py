"""What a guest's answer means: stop, start, help, or something a person must read (CORE-OPT, CORE-SUP-8)."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.model import ChannelName
from gateway.rules.entries import RevokeAll
from gateway.rules.given import Fact, Moment, in_milliseconds
from gateway.rules.pack import Answers
from gateway.rules.policy import Policy, PolicyTable
from gateway.rules.words import compact, spaced, words_of

Action = Literal["opt_out", "opt_in", "help", "hold_review", "none"]
CITED = ("CORE-OPT-1", "CORE-OPT-2", "CORE-OPT-3", "CORE-OPT-4", "CORE-OPT-6")
LONGEST = 200_000
SOURCE = "inbound_keyword"
BY_CONSENT = ("marketing", "informational", "transactional")
"""What a stop on a number is about: all that rests on consent (CORE-SUP-8). Elsewhere it is about advertising."""
NUMBERS = ("sms", "whatsapp")
UNSPACED = re.compile("[\u2e80-\U0003ffff]")
"""Scripts that leave no spaces between words."""


class Inbound(Fact, frozen=True, kw_only=True):
    """A guest's answer, and what must be known besides to understand it. `country`: the one the number belongs to."""

    channel: ChannelName
    text: Annotated[str, Meta(max_length=LONGEST)]
    now: Moment
    country: str | None = None
    open_booking: bool | None = None
    pending_optin_prompt: bool | None = None
    policy: PolicyTable | None = None

    def __post_init__(self):
        in_milliseconds(self, "now")


class Stop(Struct, frozen=True):
    """The suppression to enter."""

    scope: str
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    source: str


class Heard(Struct, frozen=True):
    """What was meant. `confirmation_until`: the last instant (ms) at which a stop may be confirmed. With CORE-OPT-3 or
    CORE-OPT-4 among the `reasons` a person has something to look at."""

    action: Action
    reasons: tuple[str, ...] = ()
    suppression: Stop | None = None
    confirmation_until: int | None = None


class Ear:
    """Understands answers, by the words of all packs."""

    def __init__(self, keywords: Iterable[str], phrases: Iterable[str], answers: Answers):
        self._stop = {compact(word) for word in keywords}
        self._unspaced = tuple(word for word in self._stop if UNSPACED.search(word))
        self._phrases = tuple(spaced(phrase) for phrase in phrases)
        self._help, self._start, self._yes, self._booking, self._courtesy = (
            {compact(word) for word in words}
            for words in (answers.help, answers.start, answers.yes, answers.booking, answers.courtesy)
        )
        self._denial = tuple(spaced(word) for word in answers.denial)

    def hear(self, said: Inbound, policy: Policy, revoke_all: RevokeAll | None) -> Heard:
        """What this answer means, whatever language it is in. The stricter reading where it could mean both."""
        whole = compact(said.text)
        if whole in self._stop:
            asks = bool(said.open_booking) and whole in self._booking
            return _stopped(said, policy, revoke_all, "CORE-OPT-1", *(["CORE-OPT-4"] if asks else []))
        if whole in self._help:
            return Heard("help", ("CORE-OPT-6",))
        if whole in self._start or (whole in self._yes and said.pending_optin_prompt):
            return Heard("opt_in", ("CORE-OPT-6",))
        words = words_of(said.text)
        if self._polite(words, bool(said.open_booking)) or self._plain(words):
            return _stopped(said, policy, revoke_all, "CORE-OPT-2")
        if self._mentions(words, whole):
            return Heard("hold_review", ("CORE-OPT-3",))
        return Heard("none")

    def _polite(self, words: Sequence[str], open_booking: bool) -> bool:
        """Nothing but stop, said politely or more than once. "Cancel it, please" may be about the booking."""
        rest = [word for word in words if word not in self._courtesy]
        if open_booking and self._booking.intersection(rest):
            return False
        return bool(rest) and ("".join(rest) in self._stop or all(word in self._stop for word in rest))

    def _plain(self, words: Sequence[str]) -> bool:
        """A phrase nobody could take for anything else, unless it is turned around: "don't stop texting me"."""
        text = f" {' '.join(words)} "
        for phrase in self._phrases:
            before, found, _ = text.partition(phrase)
            unspaced = phrase.strip()
            if found and not f"{before} ".endswith(self._denial):
                return True
            if UNSPACED.search(unspaced) and unspaced in text:
                return True
        return False

    def _mentions(self, words: Sequence[str], whole: str) -> bool:
        pairs = {first + second for first, second in pairwise(words)}
        return not self._stop.isdisjoint({*words, *pairs}) or any(word in whole for word in self._unspaced)


def _stopped(said: Inbound, policy: Policy, revoke_all: RevokeAll | None, *reasons: str) -> Heard:
    channels: tuple[str, ...] = (said.channel,)
    if revoke_all is not None and said.channel in revoke_all.channels:
        today = datetime.fromtimestamp(said.now / 1000, UTC).date()
        if policy.revoke_all_early or today >= revoke_all.day:
            channels, reasons = (*channels, *revoke_all.also), (*reasons, revoke_all.rule)
    classes = BY_CONSENT if said.channel in NUMBERS else ("marketing",)
    stop = Stop("channel", channels, classes, SOURCE)
    return Heard("opt_out", reasons, stop, said.now + policy.confirmation_seconds * 1000)
