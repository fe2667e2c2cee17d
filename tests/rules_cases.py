"""Cases for the rules: a guest, a message and what is known, each with one thing changed at a time."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from gateway.clock import parse_rfc3339
from gateway.rules import (
    Consent,
    Features,
    Given,
    History,
    MessageFacts,
    Pack,
    RecipientFacts,
    Result,
    Rulebook,
    Suppression,
    Venue,
)  # fmt: skip

PACKS = Path(__file__).parent.parent / "plugins/compliance/packs"


def at(text: str) -> int:
    """A moment in milliseconds."""
    moment = parse_rfc3339(text)
    assert moment is not None
    return moment


NOW = at("2026-11-24T18:00:00Z")
"""A Tuesday: 13:00 in New York, 10:00 in Los Angeles, 08:00 in Honolulu, 18:00 in London."""
FULL = {
    "contains_promotion": True, "unsubscribe": True, "unsubscribe_steps": "one_click", "unsubscribe_valid_days": 730,
    "list_unsubscribe_post": True, "sender_identity": True, "postal_address": True, "contact_point": True,
    "ad_label": True,
}  # fmt: skip
PLAIN = FULL | {"contains_promotion": False}
HOME = Venue(country="US", timezone="America/New_York")


def packs() -> list[Pack]:
    """The packs that are shipped, read anew."""
    return [Pack.from_file(file) for file in sorted(PACKS.glob("*.toml"))]


@lru_cache
def book() -> Rulebook:
    """The rulebook as it is shipped."""
    return Rulebook(packs())


def consent(**facts: Any) -> Consent:
    """An express consent with complete proof, for every channel and subject."""
    known = {
        "kind": "express", "channels": ["email", "sms", "whatsapp", "voice"], "categories": ["*"],
        "granted_at": at("2026-06-01T12:00:00Z"), "confirmed_at": at("2026-06-01T12:05:00Z"), "source": "web_form",
        "wording_version": "2", "proof_ref": "form-7",
    }  # fmt: skip
    return Consent(**(known | facts))


def suppression(**facts: Any) -> Suppression:
    """A guest said stop to advertisements a month ago, on a page."""
    known = {
        "id": "sup_1", "scope": "global", "classes": ["marketing"], "created_at": at("2026-10-24T12:00:00Z"),
        "source": "web_form",
    }  # fmt: skip
    return Suppression(**(known | facts))


def sent(when: str, **facts: Any) -> History:
    """An advertisement that went out before."""
    return History(**({"sent_at": at(when), "channel": "sms", "class_": "marketing", "category": "offers"} | facts))


def case(
    channel: str = "email",
    class_: str | None = "marketing",
    *,
    features: dict[str, Any] | None = None,
    who: dict[str, Any] | None = None,
    message: dict[str, Any] | None = None,
    **rest: Any,
) -> Given:
    """A message that has everything in it, to a guest in the United States unless `who` says where."""
    base = FULL if class_ == "marketing" else PLAIN
    facts = {
        "channel": channel,
        "class_": class_,
        "category": "offers",
        "features": Features(**(base | (features or {}))),
    }
    known: dict[str, Any] = {"now": NOW, "venue": HOME}
    return Given(
        **(known | rest),
        recipient=RecipientFacts(**({"country": "US"} if who is None else who)),
        message=MessageFacts(**(facts | (message or {}))),
    )


def judge(*args: Any, **facts: Any) -> Result:
    """The judgement of a `case`."""
    return book().judge(case(*args, **facts))
