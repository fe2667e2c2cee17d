"""What a guest's consent ledger comes to: the consents as they stood at any time (CORE-CON-7)."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import structs

from gateway.rules.entries import EXPRESS, Kind
from gateway.rules.given import Consent, Terms

TERMS = Terms.__struct_fields__
GIVEN = ("grant", "renew")


class ConsentEvent(Terms[int], frozen=True, kw_only=True):
    """An entry of the ledger: at this time the guest agreed, agreed again, or took it back; or a consent was noticed to
    come to an end soon, or to have done so, which changes nothing. Moments in milliseconds."""

    kind: Kind
    action: Literal["grant", "renew", "withdraw", "expiring", "expired"]
    at: int
    id: str | None = None

    @property
    def may_end(self) -> bool:
        """Whether it is a consent that may end by itself: on a day of its own, or because no law lets its kind count
        for ever."""
        return self.action in GIVEN and (self.expires_at is not None or self.kind not in EXPRESS)


def in_force(events: Iterable[ConsentEvent], at: int) -> list[Consent]:
    """The consents as they stood at `at`, in the order they were given; those taken back have `withdrawn_at`.

    A withdrawal also stands by itself where it took back no consent as a whole, so that it holds against every consent
    from before it, of whatever kind and whenever it was recorded.
    """
    consents: list[Consent] = []
    for event in sorted((event for event in events if event.at <= at), key=lambda event: event.at):
        if event.action == "withdraw":
            consents = _withdraw(consents, event)
        elif event.action in GIVEN:
            consents.append(_consent(event, _renewed(consents, event)))
    return consents


def overtaken(event: ConsentEvent, later: Sequence[ConsentEvent]) -> bool:
    """Whether what came later took a consent back as a whole, or put another of its kind in its place."""
    return any(
        (one.action == "withdraw" or (one.action in GIVEN and one.kind == event.kind)) and _within(event, one)
        for one in later
    )


def _consent(event: ConsentEvent, before: Consent | None) -> Consent:
    """What an event grants; a renewal keeps what it does not say anew."""
    terms: dict[str, Any] = {name: getattr(event, name) for name in TERMS}
    if before is not None:
        terms = {name: value or getattr(before, name) for name, value in terms.items()}
        terms["granted_at"] = event.granted_at or event.at
    elif event.action == "renew" and event.granted_at is None:
        terms["granted_at"] = event.at
    return Consent(id=event.id, **terms)


def _renewed(consents: list[Consent], event: ConsentEvent) -> Consent | None:
    """The consent a renewal is about: the latest of its kind in force that has its channels and categories."""
    if event.action != "renew":
        return None
    return next(
        (
            consent
            for consent in reversed(consents)
            if consent.kind == event.kind and consent.withdrawn_at is None and _within(event, consent)
        ),
        None,
    )


def _withdraw(consents: list[Consent], event: ConsentEvent) -> list[Consent]:
    taken = [
        structs.replace(consent, withdrawn_at=event.at)
        if consent.withdrawn_at is None and _within(consent, event)
        else consent
        for consent in consents
    ]
    if any(consent.withdrawn_at == event.at and _within(event, consent) for consent in taken):
        return taken
    alone = Consent(kind=event.kind, channels=event.channels, categories=event.categories, withdrawn_at=event.at)
    return [*taken, alone]


def _within(inner: Terms, outer: Terms) -> bool:
    """Whether `outer` is about all channels and categories that `inner` is about."""
    categories = outer.categories or ()
    return set(inner.channels or ()) <= set(outer.channels or ()) and (
        "*" in categories or set(inner.categories or ()) <= set(categories)
    )
