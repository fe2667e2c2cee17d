"""Writes each message to a folder: what a venue starts with before it has a provider, and a way to look at the words."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from gateway import Channel, Failure, Message, Sent, email_bytes, hookimpl

SWEEP_SECONDS = 600.0


class Outbox(Channel):
    """`<id>.eml` for an e-mail, `<id>.txt` for anything else; readable by the gateway's user only, gone after a day.

    It is a look at what would be sent, no archive: a file survives a restart but is not promised to survive a power cut.
    """

    name = "outbox"
    channels = frozenset({"email", "sms", "whatsapp", "voice"})
    carries_headers = True
    deduplicates = True

    class Settings(Struct, forbid_unknown_fields=True, frozen=True):
        """What the table in config.toml may say."""

        keep_hours: Annotated[float, Meta(gt=0, le=24, description="Files older than this are removed.")] = 24.0

    async def open(self) -> None:
        """Remove what is too old already."""
        self._swept = 0.0
        await asyncio.to_thread(self._sweep)

    def compose(self, message: Message) -> bytes:
        """A whole mail, or the bare text under its number."""
        if message.channel == "email":
            return email_bytes(message)
        return f"To: {message.to}\n\n{message.text}\n".encode()

    async def send(self, message: Message) -> Sent:
        """Write the file; the same id always names the same file."""
        message.handing_over()
        ending = "eml" if message.channel == "email" else "txt"
        try:
            await asyncio.to_thread(self._write, f"{message.id}.{ending}", message.payload)
        except OSError:
            raise Failure("down", code="disk") from None
        return Sent(provider_id=f"{message.id}.{ending}")

    def _write(self, name: str, payload: bytes) -> None:
        """All of it or nothing, under its name only when it is whole."""
        folder = self.tools.folder()
        unfinished = folder / f".{name}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        unfinished.rename(folder / name)
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._sweep()

    def _sweep(self) -> None:
        """Remove files that are too old. Their age is the disk's business, so it is the disk's clock that counts."""
        self._swept = time.monotonic()
        oldest = time.time() - self.settings.keep_hours * 3600
        for path in self.tools.folder().iterdir():
            if _written(path) < oldest:
                path.unlink(missing_ok=True)


def _written(path: Path) -> float:
    """When a file was written, the far future for one that is gone already."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@hookimpl
def register_channels() -> list[type[Channel]]:
    """The outbox."""
    return [Outbox]
