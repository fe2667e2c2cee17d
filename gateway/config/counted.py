"""How limits say what they count and whose: values that are written as text and mean more."""

import difflib
from collections.abc import Iterator
from typing import Annotated

from gateway.config.values import NETWORK, Hint, Kind, written
from gateway.model import ENDPOINTS
from gateway.roles import ROLES

AREAS = tuple(dict.fromkeys(f"{name.partition('.')[0]}.*" for name in ENDPOINTS))
SINGLE, TO_MANY = ("messages.send", "messages.template"), ("messages.bulk", "messages.template")
KNOWN_OF = {
    "guest": SINGLE,
    "category": (*SINGLE, "messages.bulk"),
    "channel": (*SINGLE, "messages.bulk"),
    "provider": (*SINGLE, "messages.bulk"),
}
"""What only the request says, and of which endpoints it is looked at."""
BY = ("api_key", "user", "role", "ip", "network", "guest", "category", "channel", "provider")
"""What may tell one account from another."""


def _endpoint(text: str) -> str:
    known = (*ENDPOINTS, *AREAS, "auth", "*")
    if text not in known:
        near = difflib.get_close_matches(text, known, 1)
        raise Hint(f'did you mean "{near[0]}"?') if near else ValueError()
    return text


def _by(text: str) -> str:
    facts = tuple(text.split("+"))
    for fact in facts:
        if fact not in BY:
            near = difflib.get_close_matches(fact, BY, 1)
            raise Hint(f'did you mean "{near[0]}"?') if near else ValueError()
    if len(set(facts)) != len(facts):
        raise ValueError()
    return text


def _spared(text: str) -> str:
    if "_" in text:
        return text
    if "." in text or ":" in text:
        return str(NETWORK.read(text))
    if text not in ROLES:
        near = difflib.get_close_matches(text, ROLES, 1)
        raise Hint(f'did you mean "{near[0]}"?') if near else ValueError()
    return text


ENDPOINT = Kind(
    'an endpoint such as "messages.send", all of an area such as "messages.*", "*" for all, or "auth"',
    r"[a-z_]+\.([a-z_]+|\*)|\*|auth",
    _endpoint,
)
Endpoint = Annotated[str, ENDPOINT, written(ENDPOINT)]
"""What a limit counts: an operation as the API's description names it."""

WHOSE = Kind(f"one of {', '.join(BY)}, or two of them joined by +", r"[a-z_]+(\+[a-z_]+)?", _by)
Whose = Annotated[str, WHOSE, written(WHOSE)]
"""Whose requests count together."""

SPARED = Kind(
    f"the id of an API key or a user, a network, or a role: {', '.join(ROLES)}",
    r"(key|usr)_[0-9A-Za-z]+|[a-z]+|[0-9A-Fa-f:.]+(/[0-9]{1,3})?",
    _spared,
)
Spared = Annotated[str, SPARED, written(SPARED)]
"""Somebody whom a limit does not count."""


def odd(endpoints: tuple[str, ...], by: str, cost: str) -> Iterator[tuple[str, str]]:
    """What is right by itself and wrong together: the key at fault, and what would be right."""
    if "auth" in endpoints and (len(set(endpoints)) > 1 or by not in ("ip", "network")):
        yield "endpoints", 'auth is counted alone and by "ip" or "network": nobody is known yet when a log-in fails'
    for fact in by.split("+"):
        known = KNOWN_OF.get(fact)
        if known is not None and not set(endpoints) <= set(known):
            yield "by", f'"{fact}" is only known of {" and ".join(known)}: count nothing else by it'
    if cost == "recipients" and not set(endpoints) <= set(TO_MANY):
        yield "cost", f"recipients are only counted of {' and '.join(TO_MANY)}"
