"""A message as the bytes of a mail (RFC 5322, MIME), put together by hand: `email.message` takes fifty times as long.

What comes out is ASCII in lines of at most 998 characters, so every server takes it; only an address that is not ASCII
itself goes out as UTF-8 (RFC 6532) and needs a server with SMTPUTF8.
"""

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator
from email.utils import formatdate
from functools import lru_cache

from gateway.channel import Message, Sender
from gateway.errors import Fault, Invalid

LINE = 78
"""Where header lines are folded if they can be (RFC 5322 §2.1.1)."""
LONGEST_LINE = 998
"""What no line may exceed, its CRLF not counted."""

BREAKING = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What must not be in a header: whatever somebody may take for the end of a line, other controls, half a character."""
ADDRESS = re.compile(r"""[^\s@<>()\[\]:;,\\"]{1,64}@[^\s@<>()\[\]:;,\\"]{1,255}""")
WORDS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)
"""A display name that needs no quotes."""
HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
OURS = frozenset({"from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version"})

LINE_END = re.compile(r"\r\n?|\n")
ASCII = bytes(range(128))
CONTROLS = bytes({*range(32), 127} - {*b"\t\r\n"})


def build(message: Message, at: int | None = None) -> bytes:
    """The mail, with CRLF and without dot-stuffing: what follows DATA.

    `at` (ms since 1970) becomes its Date, else `created_at` does. The Message-ID is the same on every try. With both
    texts it is multipart/alternative. Raises `Invalid`, with the pointer of the member, when an address is none or a
    header holds a line break or another control character; nothing is quietly removed.
    """
    author, domain = _author(message.sender)
    head = [
        author,
        f"To: {_address('/to', message.to)}",
        _header("/subject", "Subject", message.subject),
        f"Date: {_date((message.created_at if at is None else at) // 1000)}",
        f"Message-ID: <{message.id}@{domain}>",
        *_extra(message.headers),
        "MIME-Version: 1.0",
        _body(message),
    ]
    return "\r\n".join(head).encode()


# -- header -----------------------------------------------------------------------------------------------------------


def _header(pointer: str, name: str, value: str) -> str:
    """One header of free text: as it is where it may be, else in encoded words (RFC 2047)."""
    value = value.strip(" \t")
    _one_line(pointer, value)
    if not value.isascii() or "=?" in value:
        return f"{name}: {_encoded(value, len(name) + 2)}"
    line = f"{name}: {value}"
    return line if len(line) <= LINE else _folded(name, value)


def _folded(name: str, value: str) -> str:
    """ASCII broken where exactly one blank stands between words, so that unfolding gives it back letter by letter."""
    lines = [f"{name}:"]
    for word in re.split(r"(?<=[^ \t]) (?=[^ \t])", value):
        if len(lines[-1]) + len(word) >= LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) if max(map(len, lines)) <= LONGEST_LINE else f"{name}: {_encoded(value, len(name) + 2)}"


def _encoded(value: str, indent: int) -> str:
    """Encoded words, one a line, none longer than 75 characters or ending within a letter. `indent` is what stands
    before the first."""
    return "\r\n ".join(_encoded_words(value.encode(), max(6, (LINE - indent - 12) // 4 * 3)))


def _encoded_words(raw: bytes, room: int) -> Iterator[str]:
    start = 0
    while start < len(raw):
        end = min(start + min(room, 45), len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield f"=?utf-8?b?{b2a_base64(raw[start:end], newline=False).decode()}?="
        start, room = end, 45


@lru_cache(256)
def _author(sender: Sender) -> tuple[str, str]:
    """The From header of a sender, and the domain of its address."""
    address = _address("/sender/email", sender.email)
    name = sender.name.strip(" \t")
    _one_line("/sender/name", name)
    return f"From: {_phrase(name)}<{address}>", address.rpartition("@")[2]


def _phrase(name: str) -> str:
    """A display name and the blank after it, so written that no program takes a part of it for an address."""
    if not name.isascii() or "=?" in name or len(name) > LINE - 10:
        return f"{_encoded(name, 6)}\r\n "
    if not WORDS.fullmatch(name):
        name = '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'
    return f"{name}\r\n " if len(name) > 30 else f"{name} " if name else ""


def _address(pointer: str, address: str) -> str:
    if not ADDRESS.fullmatch(address) or BREAKING.search(address):
        raise _fault(pointer, "bad-email", "an address such as ana@example.org")
    return address


def _one_line(pointer: str, value: str) -> None:
    if not value.isprintable() and BREAKING.search(value):  # what is printable cannot break; the pattern is slower
        raise _fault(pointer, "control-character", "one line of text without control characters")


def _extra(headers: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """The message's own headers, and the request that no machine answer (RFC 3834) unless one of them speaks of it."""
    said = False
    for at, (name, value) in enumerate(headers):
        plain = name.lower()
        if not HEADER_NAME.fullmatch(name) or plain in OURS or plain.startswith("content-"):
            raise _fault(f"/headers/{at}", "bad-header", "a header the gateway does not write itself")
        said = said or plain == "auto-submitted"
        yield _header(f"/headers/{at}", name, value)
    if not said:
        yield "Auto-Submitted: auto-generated"


@lru_cache(64)
def _date(seconds: int) -> str:
    return f"{formatdate(seconds)[:-5]}+0000"  # "-0000" would say that the zone is not known


# -- body -------------------------------------------------------------------------------------------------------------


def _body(message: Message) -> str:
    """The rest of the header, the blank line and the text, or both texts with the better one last (RFC 2046 §5.1.4)."""
    parts = []
    if message.text or not message.html:
        parts.append(_part("/text", "plain", message.text))
    if message.html:
        parts.append(_part("/html", "html", message.html))
    if len(parts) == 1:
        return parts[0]
    boundary = f"=_{message.id}"
    while any(boundary in part for part in parts):
        boundary += "_"
    between = f"--{boundary}\r\n"
    return "".join([
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n', between, parts[0], between, parts[1],
        f"--{boundary}--\r\n",
    ])  # fmt: skip


def _part(pointer: str, subtype: str, text: str) -> str:
    try:
        raw = _normal(text).encode()
    except UnicodeEncodeError:
        raise _fault(pointer, "half-character", "text without lone surrogates") from None
    encoding, body = _transfer(raw)
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"


def _normal(text: str) -> str:
    """Every line ends with CRLF, the last one too: a lone CR or LF is how mails are smuggled past a filter."""
    text = LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    return text if text.endswith("\r\n") else f"{text}\r\n"


def _transfer(raw: bytes) -> tuple[str, str]:
    """The plainest encoding that survives any server: as it is, else whichever of the two encodings is shorter."""
    if raw.isascii() and len(raw.translate(None, CONTROLS)) == len(raw):
        if len(raw) <= LONGEST_LINE or max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE:
            return "7bit", raw.decode()
        return "quoted-printable", b2a_qp(raw).decode()
    if len(raw.translate(None, ASCII)) * 6 <= len(raw):  # a letter quoted adds two bytes, base64 a third to them all
        return "quoted-printable", b2a_qp(raw).decode()
    coded = b2a_base64(raw, newline=False).decode()
    return "base64", "".join([f"{coded[start : start + 76]}\r\n" for start in range(0, len(coded), 76)])


def _fault(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(faults=[Fault(pointer, code, detail)])
