"""What the gateway puts into a message because a law asks for it, and the proof that it is really there.

The rules name elements (`unsubscribe`, `postal_address`, ...). Before rendering, `possible` says which of them this
sender and channel can provide; `finish` puts the required ones in; `missing` looks for them in the finished bytes.
"""

import binascii
import html as html_module
from email import message_from_bytes, policy

from msgspec import Struct, structs

from gateway.catalogue import Catalogue, words_of
from gateway.channel import Sender
from gateway.rules import Features

LINK_DAYS = 730
"""How long an opt-out link works: longer than any law asks for (16 CFR 316.5: 30 days; CASL: 60)."""
ONE_CLICK = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


class Declared(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What only the caller can know about a message's content."""

    contains_promotion: bool | None = None
    promo_in_subject: bool | None = None
    transactional_first: bool | None = None
    asks_consent: bool | None = None
    advertisement: bool | None = None
    solicited_at: str | None = None


def declared(template: Declared | None, order: Declared | None) -> Declared | None:
    """What is declared of a message: what its order says goes before what its template does."""
    if template is None or order is None:
        return order or template
    return structs.replace(
        template, **{name: value for name, value in structs.asdict(order).items() if value is not None}
    )


class Letter(Struct, frozen=True):
    """The words of a message: first as the caller gave them, then as they go out."""

    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...] = ()


class Ways(Struct, frozen=True):
    """How a guest gets out: the link that stops, the one where he chooses by topic, and where to write instead."""

    stop: str = ""
    choose: str = ""
    mail: str = ""

    @property
    def header(self) -> str:
        """All that a mail program may use (RFC 2369), the link of its one click (RFC 8058) first."""
        return ", ".join(f"<{way}>" for way in (self.stop, self.mail) if way)


class Means(Struct, frozen=True):
    """With what a message can be sent: whose name is on it, where its links lead, whether headers arrive."""

    sender: Sender
    link_base: str
    headers: bool
    email: bool

    @property
    def links(self) -> bool:
        return bool(self.link_base)


def possible(means: Means, declared: Declared) -> Features:
    """What the finished message can contain: computed from what is configured, never believed from a request."""
    return Features(
        contains_promotion=declared.contains_promotion,
        promo_in_subject=declared.promo_in_subject,
        transactional_first=declared.transactional_first,
        asks_consent=declared.asks_consent,
        unsubscribe=means.links,
        unsubscribe_steps=("one_click" if means.headers else "one_page") if means.links else None,
        unsubscribe_valid_days=LINK_DAYS if means.links else None,
        list_unsubscribe_post=means.links and means.headers,
        sender_identity=bool(means.sender.name),
        postal_address=bool(means.sender.postal_address),
        contact_point=bool(means.sender.contact or means.sender.email),
        ad_label=True,
    )


def finish(letter: Letter, required: frozenset[str], means: Means, ways: Ways, language: str) -> Letter:
    """The letter with everything in it that is required."""
    words = words_of(language)
    if not means.email:
        return _short(letter, required, means, ways.stop, words)
    foot = _foot(required, means.sender)
    links = [(words.phrase("foot.stop"), ways.stop)] if "unsubscribe" in required else []
    if links and ways.choose:
        links.append((words.phrase("foot.choose"), ways.choose))
    top = words.phrase("foot.advertisement") if "ad_label" in required else ""
    headers = letter.headers
    if means.headers and ways.stop and ("unsubscribe" in required or "list_unsubscribe_post" in required):
        headers = (*headers, ("List-Unsubscribe", ways.header), ONE_CLICK)
    return Letter(letter.subject, _text(letter.text, top, foot, links), _html(letter.html, top, foot, links), headers)


def _foot(required: frozenset[str], sender: Sender) -> list[str]:
    """Who wrote, in the order a reader expects it."""
    lines = []
    if required & {"sender_identity", "postal_address", "contact_point"}:
        lines.append(sender.name)
    if "postal_address" in required:
        lines.append(sender.postal_address)
    if "contact_point" in required:
        lines.append(sender.contact or sender.email)
    return lines


def _text(body: str, top: str, foot: list[str], links: list[tuple[str, str]]) -> str:
    lines = [*foot, *(f"{words}: {link}" for words, link in links)]
    head = f"{top}\n\n" if top else ""
    return f"{head}{body}\n\n-- \n" + "\n".join(lines) + "\n" if lines else head + body


def _html(body: str, top: str, foot: list[str], links: list[tuple[str, str]]) -> str:
    if not body or not (top or foot or links):
        return body
    escape = html_module.escape
    lines = [*map(escape, foot), *(f'<a href="{escape(link)}">{escape(words)}</a>' for words, link in links)]
    block = f"<hr><p>{'<br>'.join(lines)}</p>" if lines else ""
    head = f"<p>{escape(top)}</p>" if top else ""
    at = body.lower().rfind("</body>")
    return f"{head}{body[:at]}{block}{body[at:]}" if at >= 0 else f"{head}{body}{block}"


def _short(letter: Letter, required: frozenset[str], means: Means, link: str, words: Catalogue) -> Letter:
    """A text message: every letter of it is paid for."""
    parts = [letter.text]
    if "sender_identity" in required and means.sender.name not in letter.text:
        parts[0] = f"{means.sender.name}: {letter.text}"
    if "ad_label" in required:
        parts.insert(0, words.phrase("foot.advertisement"))
    if "postal_address" in required:
        parts.append(means.sender.postal_address)
    if "contact_point" in required and (contact := means.sender.contact or means.sender.email) not in letter.text:
        parts.append(contact)
    if "unsubscribe" in required:
        parts.append(f"{words.phrase('foot.stop_short')}: {link}")
    return Letter(letter.subject, "\n".join(parts), "", letter.headers)


def missing(payload: bytes, required: frozenset[str], means: Means, link: str, language: str) -> list[str]:
    """Which required elements are not in the finished bytes. An empty list is the leave to send."""
    wanted = _needles(required, means, link, language)
    left = {element for element, needle in wanted.items() if needle.encode() not in payload}
    if left and b"quoted-printable" in payload:
        plain = binascii.a2b_qp(payload)
        left = {element for element in left if wanted[element].encode() not in plain}
    if left and means.email:
        plain_text = _decoded(payload)
        left = {element for element in left if wanted[element] not in plain_text}
    return sorted(left)


def _needles(required: frozenset[str], means: Means, link: str, language: str) -> dict[str, str]:
    """What to look for, element by element. An element we do not know how to find is never found."""
    sender = means.sender
    found = {
        "sender_identity": sender.name,
        "postal_address": sender.postal_address,
        "contact_point": sender.contact or sender.email,
        "unsubscribe": link,
        "unsubscribe_easy": link,
        "ad_label": words_of(language).phrase("foot.advertisement"),
        "list_unsubscribe_post": f"{ONE_CLICK[0]}: {ONE_CLICK[1]}",
    }
    return {element: found.get(element) or f"\0{element}" for element in required}


def _decoded(payload: bytes) -> str:
    """A mail as its reader sees it: headers and every text part, decoded."""
    mail = message_from_bytes(payload, policy=policy.SMTP)
    heads = "\n".join(f"{name}: {value}" for name, value in mail.items())
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join([heads, *parts])
