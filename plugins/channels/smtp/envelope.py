"""One mail on its way: the addresses around it, and its bytes as they go over the wire."""

import re
from typing import NamedTuple

from gateway import Failure, Message

MAILBOX = re.compile("[^\\s\0-\x20\x7f<>]+@[^\\s\0-\x20\x7f<>]+")
LINE_END = re.compile(rb"\r\n?|\n")


class Envelope(NamedTuple):
    """One recipient. `utf8` says that an address needs SMTPUTF8; `data` ends with the line that is a dot."""

    message: Message
    sender: str
    recipient: str
    utf8: bool
    size: int
    data: bytes


def envelope(message: Message) -> Envelope:
    """The envelope of a message with its payload. Raises `Failure` for what cannot be written into a command."""
    sender, recipient = message.sender.email, message.to
    if not MAILBOX.fullmatch(sender):
        raise Failure("config", code="5.1.7")
    if not MAILBOX.fullmatch(recipient):
        raise Failure("bad_address", code="5.1.3")
    utf8 = not (sender.isascii() and recipient.isascii())
    return Envelope(message, sender, recipient, utf8, len(message.payload), on_the_wire(message.payload))


def on_the_wire(payload: bytes) -> bytes:
    """Every line ended by CRLF and by nothing else, dots at their beginning doubled (RFC 5321 §4.5.2), and the end.

    A lone CR or LF would let one server see the end of a mail where another sees text.
    """
    if not payload.count(b"\r\n") == payload.count(b"\n") == payload.count(b"\r"):
        payload = LINE_END.sub(b"\r\n", payload)
    if not payload.endswith(b"\r\n"):
        payload += b"\r\n"
    first = b"." if payload.startswith(b".") else b""
    return first + payload.replace(b"\r\n.", b"\r\n..") + b".\r\n"
