"""What a channel plugin is: one class with `open`, `compose`, `send`, `close`.

A channel never sees the store, the rules or another guest. It gets finished text, and everything else it may need
through `tools`. It may not assume that it runs on the gateway's own event loop.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from gateway.clock import Clock


class Sender(Struct, frozen=True):
    """Who a message is from: one `[sender]` or `[senders.<slug>]` of config.toml."""

    name: str
    email: str = ""
    phone: str = ""
    postal_address: str = ""
    contact: str = ""
    unsubscribe_email: str = ""


class Message(Struct):
    """One message to one guest, ready to go: opt-out, sender block and headers are already in it.

    `id` is the public message id and the idempotency key towards the provider: the same on every attempt.
    `headers` are for channels that have such a thing (e-mail). `payload` is what `compose` made of it.
    """

    id: str
    channel: str
    to: str
    subject: str
    text: str
    html: str
    sender: Sender
    created_at: int
    headers: tuple[tuple[str, str], ...] = ()
    attempt: int = 1
    payload: bytes = b""
    before_handover: Callable[["Message"], None] | None = None
    handed: bool = False

    def handing_over(self) -> None:
        """Call immediately before the first byte that could make the provider take the message.

        From here on a broken line means that the provider may have it. Raises `Stopped` when the guest has opted out,
        somebody has cancelled, or the law has come to say no since the message was picked up: let it through.
        """
        if self.before_handover is not None:
            self.before_handover(self)
        self.handed = True


class Sent(Struct, frozen=True):
    """The provider has taken the message; `provider_id` is what it calls it, `words` its own text (kept sealed)."""

    provider_id: str = ""
    words: str = ""


class Tools(Protocol):
    """What a channel may use of the gateway."""

    clock: Clock
    provider: str  # the name of its [providers.<name>] table
    channel: str  # which channel it serves there
    connections: int  # hand-overs it may have in flight at once

    def secret(self, file: str) -> str:
        """The content of a secret file, without the trailing newline. Raises `NotUsable` naming the key."""
        ...

    def folder(self) -> Path:
        """A folder of its own in the data folder (0700), made on first use."""
        ...

    def kind_of_status(self, status: int) -> str:
        """The kind of failure an HTTP status stands for."""
        ...


class Channel:
    """Base of every channel plugin: override `send`, and whatever else differs."""

    name: ClassVar[str]
    """What `plugin = "…"` in config.toml says."""
    channels: ClassVar[frozenset[str]] = frozenset()
    """Which channels it can serve, such as `{"email"}`."""
    deduplicates: ClassVar[bool] = False
    """Whether the provider drops a second message of the same id, so that an uncertain one may simply be sent again."""
    carries_headers: bool = False
    """Whether `Message.headers` reach the guest's program, as in e-mail (RFC 8058 needs them). A class that can say so
    only of the channel it serves sets it in `__init__`."""

    class Settings(Struct, forbid_unknown_fields=True, frozen=True):
        """The plugin's own keys of its `[providers.<name>]` table."""

    def __init__(self, settings: Any, tools: Tools):
        self.settings, self.tools = settings, tools

    async def open(self) -> None:
        """Called once before the first send, on the loop that will send. Need not connect."""

    def compose(self, message: Message) -> bytes:
        """The bytes that will reach the guest. The gateway checks them for what the law requires, then stores them
        in `message.payload`; `send` must send exactly these."""
        return message.text.encode()

    async def send(self, message: Message) -> Sent:
        """Hand one message over. Raise `Failure`; any other exception, and not coming back in time, is a defect: it
        pauses the provider."""
        raise NotImplementedError

    async def close(self) -> None:
        """Called once; nothing is sent afterwards."""
