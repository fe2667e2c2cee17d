"""The copy for people: one page of HTML in the guest's language, without anything that acts or is fetched."""

from collections.abc import AsyncIterator
from contextlib import suppress
from html import escape
from typing import Any

from gateway.catalogue import Catalogue
from gateway.clock import parse_rfc3339
from gateway.privacy.copies.holdings import Row, Section
from gateway.privacy.requests.notices import number

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:0 0 1.5rem;width:100%}"
    "th,td{border:1px solid;padding:.25rem .5rem;text-align:start;vertical-align:top;white-space:pre-wrap;"
    "overflow-wrap:anywhere}th{width:14rem}"
)
WORDS = {
    "state": ("copy_state",), "status": ("copy_state",), "class": ("copy_class",), "classes": ("copy_class",),
    "kind": ("copy_kind", "request_kinds"), "action": ("copy_action",), "scope": ("copy_scope",), "by": ("copy_by",),
    "arrived_by": ("copy_arrived",), "channel": ("topics",), "channels": ("topics",), "via": ("topics",),
    "refusal": ("request_refusals",),
}  # fmt: skip
"""Fields whose values are codes of ours, and where the words for them are."""
ASIDE = ("id", "html")
"""What only programs look at."""


async def page(copy: Any, zone: str) -> AsyncIterator[bytes]:
    """The page, section by section."""
    speaks: Catalogue = copy.speaks
    title = escape(speaks.say("copy.title", request=number(copy.request)))
    yield (
        f'<!doctype html>\n<html lang="{speaks.language}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
    ).encode()
    about = ("made", "rights", "kept", "files") if copy.request.kind == "access" else ("made", "files")
    made = speaks.minute(parse_rfc3339(copy.made_at) or 0, zone)
    yield "".join(f"<p>{escape(speaks.say(f'copy.{one}', made=made))}</p>\n" for one in about).encode()
    for section in copy.sections:
        async for piece in _section(speaks, section, zone):
            yield piece
    if copy.cuts:
        yield f"<h2>{escape(speaks.say('copy.cuts'))}</h2>\n<p>{escape(speaks.say('copy.cuts_why'))}</p>\n".encode()
        yield "".join(_row(speaks, ("where", "why", "count"), cut, zone) for cut in copy.cuts).encode()
    yield b"</body></html>\n"


async def _section(speaks: Catalogue, section: Section, zone: str) -> AsyncIterator[bytes]:
    yield f"<h2>{escape(speaks.say(f'copy.{section.name}'))}</h2>\n".encode()
    fields, empty = [field for field in section.fields if field not in ASIDE], True
    async for rows in section.rows():
        if rows:
            empty = False
            yield "".join(_row(speaks, fields, row, zone) for row in rows).encode()
    if empty:
        yield f"<p>{escape(speaks.say('copy.nothing'))}</p>\n".encode()


def _row(speaks: Catalogue, fields: Any, row: Row, zone: str) -> str:
    said = {field: row[field] for field in fields if row.get(field) not in (None, "", [], {})}
    lines = [
        f"<tr><th>{escape(speaks.say(f'copy_fields.{field}'))}</th>"
        f"<td>{escape(_told(speaks, field, value, zone))}</td></tr>"
        for field, value in said.items()
    ]
    return f"<table>{''.join(lines)}</table>\n" if lines else ""


def _told(speaks: Catalogue, field: str, value: Any, zone: str) -> str:
    """A value as people say it: moments on the venue's clock, our own codes in words."""
    if isinstance(value, list):
        return ", ".join(_told(speaks, field, one, zone) for one in value)
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_told(speaks, '', one, zone)}" for name, one in value.items())
    moment = parse_rfc3339(value) if isinstance(value, str) and len(value) < 40 else None
    return _in_words(speaks, field, str(value)) if moment is None else speaks.minute(moment, zone)


def _in_words(speaks: Catalogue, field: str, code: str) -> str:
    """What a code of ours is called; whatever is none stays as it is."""
    for table in WORDS.get(field, ()):
        with suppress(KeyError):
            return speaks.say(f"{table}.{code}")
    return code
