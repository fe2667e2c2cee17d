"""Language tags (BCP 47), and which languages to try for a guest."""

from collections.abc import Iterator


def canonical(tag: str) -> str:
    """A tag as it is usually written: `PT-br` becomes `pt-BR`, `zh-hant` becomes `zh-Hant` (RFC 5646 §2.1.1)."""
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *map(_subtag, rest)])


def _subtag(subtag: str) -> str:
    shapes = {2: str.upper, 4: str.title}
    return shapes.get(len(subtag), str.lower)(subtag)


def chain(guest: str | None, venue: str) -> Iterator[str]:
    """What to try, best first: the guest's own language, wider and wider, then the venue's the same way (RFC 4647
    §3.4). For `pt-BR` at an English venue: pt-BR, pt, en."""
    seen = set()
    for tag in (guest, venue):
        parts = canonical(tag).split("-") if tag else []
        for end in range(len(parts), 0, -1):
            wider = "-".join(parts[:end])
            if wider not in seen and len(parts[end - 1]) > 1:  # a lone letter only announces what follows it
                seen.add(wider)
                yield wider
