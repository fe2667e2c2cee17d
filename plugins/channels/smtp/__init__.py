"""E-mail over SMTP, to a relay or a submission server: one recipient per mail, and nothing in the clear unasked."""

import asyncio
import re
import ssl
from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway import Channel, Failure, Message, NotUsable, Seconds, Sent, email_bytes, hookimpl

from .envelope import envelope
from .pool import Pool
from .session import Server, open_session
from .verdict import LONGEST_WORDS
from .wire import Broken, Reply

PORTS = {"starttls": 587, "tls": 465, "none": 25}
QUEUE_ID = re.compile(r"\b(?:queued as |id=)([\w.-]{1,64})")

Port = Annotated[int, Meta(ge=1, le=65535)]


class Smtp(Channel):
    """Keeps up to `connections` of them to one server, over which mails are pipelined (RFC 2920)."""

    name = "smtp"
    channels = frozenset({"email"})
    carries_headers = True

    class Settings(Struct, forbid_unknown_fields=True, frozen=True):
        """The keys of a provider with `plugin = "smtp"`."""

        host: Annotated[str, Meta(description="Name or address of the server; its certificate must be for this.")]
        port: Annotated[Port | None, Meta(description="Left out: 587; 465 with tls, 25 without.")] = None
        tls: Annotated[
            Literal["starttls", "tls", "none"],
            Meta(description="Encrypted after a greeting in the clear, from the first byte, or not at all."),
        ] = "starttls"
        ca_file: Annotated[str, Meta(description="Trust these certificates instead of the system's.")] = ""
        user: Annotated[str, Meta(description="Log in by this name.")] = ""
        password_file: Annotated[str, Meta(description="File with the password for it.")] = ""
        ehlo_name: Annotated[str, Meta(description="What we call ourselves; left out, our address.")] = ""
        connect_timeout: Annotated[Seconds, Meta(description="How long a connection may take to be ready.")] = 10.0
        send_timeout: Annotated[Seconds, Meta(description="How long one mail may take on it.")] = 25.0

    async def open(self) -> None:
        server = self._server()
        self._pool = Pool(self.tools.connections, lambda: open_session(server), self.tools.clock.monotonic)

    def compose(self, message: Message) -> bytes:
        return email_bytes(message, self.tools.clock.now())

    async def send(self, message: Message) -> Sent:
        mail = envelope(message)
        while True:
            session = await self._pool.take()
            try:
                async with asyncio.timeout(self.settings.send_timeout):
                    return _taken(await session.deliver(mail))
            except TimeoutError:
                raise Failure("unknown", message.handed, code="timeout") from None
            except Broken as broken:
                if message.handed or not session.used:
                    raise Failure("unknown", message.handed, code=broken.code) from None
                # The server had ended it while nobody was looking: once more, with the next one.
            finally:
                self._pool.give(session)

    async def close(self) -> None:
        self._pool.close()

    def _server(self) -> Server:
        """What the settings come to. Raises `NotUsable` for what they cannot mean together."""
        its = self.settings
        if bool(its.user) != bool(its.password_file):
            raise NotUsable("an SMTP provider has one of user and password_file", "give both or neither")
        if its.user and its.tls == "none" and not _is_this_machine(its.host):
            raise NotUsable("an SMTP password would cross the network in the clear", "set tls to starttls or tls")
        password = self.tools.secret(its.password_file) if its.user else ""
        return Server(
            its.host, its.port or PORTS[its.tls], its.tls, self._context(), its.user, password, its.ehlo_name,
            its.connect_timeout, asyncio.Lock(),
        )  # fmt: skip

    def _context(self) -> ssl.SSLContext | None:
        """TLS 1.2 or newer, the certificate and its name checked."""
        if self.settings.tls == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self.settings.ca_file or None)
        except OSError:
            raise NotUsable("the ca_file of an SMTP provider cannot be read as certificates", "correct it") from None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _taken(reply: Reply) -> Sent:
    found = QUEUE_ID.search(reply.text)
    return Sent(found[1] if found else "", reply.text[:LONGEST_WORDS])


@hookimpl
def register_channels() -> list[type[Channel]]:
    """The built-in way to send e-mail, `plugin = "smtp"`."""
    return [Smtp]
