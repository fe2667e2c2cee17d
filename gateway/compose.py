"""What the gateway puts into a message because a law asks for it, and the proof that it is really there.

The rules name elements (`unsubscribe`, `postal_address`, ...). Before rendering, `possible` says which of them this
sender and channel can provide; `finish` puts the required ones in; `missing` looks for them in the finished bytes.
"""

import binascii
import html as html_module
from email import message_from_bytes, policy

from msgspec import Struct, structs

from gateway.channel import Sender
from gateway.rules import Features

LINK_DAYS = 730
"""How long an opt-out link works: longer than any law asks for (16 CFR 316.5: 30 days; CASL: 60)."""
ONE_CLICK = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")

WORDS = {
    "en": ("Stop these messages", "Advertisement", "Stop"),
    "de": ("Diese Nachrichten abbestellen", "Werbung", "Abbestellen"),
    "fr": ("Ne plus recevoir ces messages", "Publicité", "Arrêt"),
    "es": ("Dejar de recibir estos mensajes", "Publicidad", "Baja"),
    "pt": ("Deixar de receber estas mensagens", "Publicidade", "Parar"),
}


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


def finish(letter: Letter, required: frozenset[str], means: Means, link: str, language: str) -> Letter:
    """The letter with everything in it that is required."""
    stop, label, short = WORDS.get(language[:2].lower(), WORDS["en"])
    if not means.email:
        return _short(letter, required, means, link, label, short)
    foot = _foot(required, means.sender, link, stop)
    top = f"{label}\n\n" if "ad_label" in required else ""
    headers = letter.headers
    if means.headers and link and ("unsubscribe" in required or "list_unsubscribe_post" in required):
        headers = (*headers, ("List-Unsubscribe", f"<{link}>"), ONE_CLICK)
    text = f"{top}{letter.text}\n\n-- \n" + "\n".join(foot) + "\n" if foot else top + letter.text
    return Letter(letter.subject, text, _html(letter.html, top, foot, link, stop), headers)


def _foot(required: frozenset[str], sender: Sender, link: str, stop: str) -> list[str]:
    """The lines under a mail, in the order a reader expects them."""
    lines = []
    if required & {"sender_identity", "postal_address", "contact_point"}:
        lines.append(sender.name)
    if "postal_address" in required:
        lines.append(sender.postal_address)
    if "contact_point" in required:
        lines.append(sender.contact or sender.email)
    if "unsubscribe" in required:
        lines.append(f"{stop}: {link}")
    return lines


def _html(body: str, top: str, foot: list[str], link: str, stop: str) -> str:
    if not body or not (top or foot):
        return body
    escaped = [html_module.escape(line) for line in foot]
    if link and escaped and escaped[-1].endswith(html_module.escape(link)):
        escaped[-1] = f'<a href="{html_module.escape(link)}">{html_module.escape(stop)}</a>'
    block = f"<hr><p>{'<br>'.join(escaped)}</p>" if escaped else ""
    head = f"<p>{html_module.escape(top.strip())}</p>" if top else ""
    at = body.lower().rfind("</body>")
    return f"{head}{body[:at]}{block}{body[at:]}" if at >= 0 else f"{head}{body}{block}"


def _short(letter: Letter, required: frozenset[str], means: Means, link: str, label: str, short: str) -> Letter:
    """A text message: every letter of it is paid for."""
    parts = [letter.text]
    if "sender_identity" in required and means.sender.name not in letter.text:
        parts[0] = f"{means.sender.name}: {letter.text}"
    if "ad_label" in required:
        parts.insert(0, label)
    if "postal_address" in required:
        parts.append(means.sender.postal_address)
    if "contact_point" in required and (contact := means.sender.contact or means.sender.email) not in letter.text:
        parts.append(contact)
    if "unsubscribe" in required:
        parts.append(f"{short}: {link}")
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
        "ad_label": WORDS.get(language[:2].lower(), WORDS["en"])[1],
        "list_unsubscribe_post": f"{ONE_CLICK[0]}: {ONE_CLICK[1]}",
    }
    return {element: found.get(element) or f"\0{element}" for element in required}


def _decoded(payload: bytes) -> str:
    """A mail as its reader sees it: headers and every text part, decoded."""
    mail = message_from_bytes(payload, policy=policy.SMTP)
    heads = "\n".join(f"{name}: {value}" for name, value in mail.items())
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join([heads, *parts])
