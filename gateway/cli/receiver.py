"""A mail server that receives: what the demonstration delivers to. It speaks real SMTP over a socket."""

import socket
from pathlib import Path
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """A port of loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Receiver:
    """Listens on a free port of loopback while it is open; writes each mail to a file.

    `refuse_once`: the first mail to an address that begins so is answered 451, as a greylisting server does.
    """

    def __init__(self, folder: Path, refuse_once: str):
        self._folder, self._refuse_once = folder, refuse_once
        self._refused: set[str] = set()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.port = self._controller.port

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's name
        """Take a mail, or put it off."""
        to = envelope.rcpt_tos[0]
        if to.startswith(self._refuse_once) and to not in self._refused:
            self._refused.add(to)
            return "451 4.3.0 Busy, come back in a moment"
        number = len(list(self._folder.iterdir())) + 1
        (self._folder / f"{number}-{to}.eml").write_bytes(envelope.original_content or b"")
        return "250 2.0.0 taken"
