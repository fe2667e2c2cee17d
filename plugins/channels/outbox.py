"""Writes each message to a folder: what a venue starts with before it has a provider, and a way to see the words."""

import asyncio
import os
from contextlib import suppress
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway import Channel, Failure, Message, Seconds, Sent, Tools, email_bytes, hookimpl

SWEEP_SECONDS = 600.0
DAY = 86_400.0


class Outbox(Channel):
    """`<id>.eml` for an e-mail, `<id>.txt` for anything else; readable by the gateway's user only, gone after a day.

    It is a look at what would be sent, no archive: the words lie there in the clear, and a file is whole or not there
    but not promised to survive a power cut.
    """

    name = "outbox"
    channels = frozenset({"email", "sms", "whatsapp", "voice"})
    deduplicates = True

    class Settings(Struct, forbid_unknown_fields=True, frozen=True):
        """What the table in config.toml may say."""

        keep: Annotated[Seconds, Meta(le=DAY, description="Files older than this are removed.")] = DAY

    def __init__(self, settings: Any, tools: Tools):
        super().__init__(settings, tools)
        self._mail = tools.channel == "email"
        self.carries_headers = self._mail

    async def open(self) -> None:
        """Keep removing what is too old, from now on."""
        self._sweeping = asyncio.create_task(self._sweep_again_and_again())

    def compose(self, message: Message) -> bytes:
        """A whole mail, or the bare text under its number."""
        if self._mail:
            return email_bytes(message, self.tools.clock.now())
        return f"To: {message.to}\n\n{message.text}\n".encode()

    async def send(self, message: Message) -> Sent:
        """Write the file; the same id always names the same file."""
        name = f"{message.id}.{'eml' if self._mail else 'txt'}"
        message.handing_over()
        try:
            await asyncio.to_thread(self._write, name, message.payload)
        except OSError as error:
            raise Failure("down", code="disk", words=str(error)) from None
        return Sent(provider_id=name)

    async def close(self) -> None:
        self._sweeping.cancel()
        await asyncio.wait([self._sweeping])

    def _write(self, name: str, payload: bytes) -> None:
        """All of it or nothing: it gets its name when it is whole. Its age counts by the gateway's clock."""
        folder, now = self.tools.folder(), self.tools.clock.now() / 1000
        unfinished = folder / f".{name}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        os.utime(unfinished, (now, now))
        unfinished.rename(folder / name)

    async def _sweep_again_and_again(self) -> None:
        while True:
            with suppress(OSError):  # the next time will do
                await asyncio.to_thread(self._sweep)
            await asyncio.sleep(SWEEP_SECONDS)

    def _sweep(self) -> None:
        """Remove what is too old."""
        oldest = self.tools.clock.now() / 1000 - self.settings.keep
        for path in self.tools.folder().iterdir():
            with suppress(FileNotFoundError):  # it has just got its name, or somebody else removed it
                if path.stat().st_mtime < oldest:
                    path.unlink()


@hookimpl
def register_channels() -> list[type[Channel]]:
    """The outbox."""
    return [Outbox]
