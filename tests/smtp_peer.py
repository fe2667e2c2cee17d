"""A mail server that receives for tests (aiosmtpd on loopback), and misbehaves where it is told to."""

# ruff: noqa: ARG002, N802  (aiosmtpd finds its hooks by these names and hands them all this)

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HANG = object()
"""Say nothing, ever."""
DROP = object()
"""Cut the line."""
STEPS = ("OPEN", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "TEXT", "RSET")


@dataclass
class Arrived:
    """A mail the peer has taken, and what it knew of the line it came over."""

    sender: str
    recipient: str
    content: bytes
    options: list[str]
    session: int
    tls: bool
    user: bytes | None


@dataclass
class Peer:
    """What it does and what it has seen. `faults` says by step what to answer instead of the usual: a reply, raw bytes,
    HANG or DROP, or a list of these for one time after the other, where None is the usual."""

    faults: dict[str, object] = field(default_factory=dict)
    offers: tuple[str, ...] = ("PIPELINING", "ENHANCEDSTATUSCODES")
    context: ssl.SSLContext | None = None
    password: tuple[str, str] | None = None
    utf8: bool = True
    size: int | None = 33_554_432
    most: int | None = None
    """How many connections it allows at once."""
    without: tuple[str, ...] = ()
    """Ways to log in that it does not offer."""

    mails: list[Arrived] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)
    lines: list["Line"] = field(default_factory=list)
    sessions: int = 0
    port: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open_lines(self) -> list["Line"]:
        """The connections that are open now."""
        return [line for line in self.lines if line.transport is not None and not line.transport.is_closing()]

    def fault(self, step: str) -> object:
        """What is wrong with this step this time."""
        fault = self.faults.get(step)
        if isinstance(fault, list):
            return fault.pop(0) if fault else None
        return fault

    def cut(self) -> None:
        """Every open connection ends now."""
        for line in self.open_lines:
            line.transport.abort()


class Line(SMTP):
    """One connection to the peer."""

    def __init__(self, peer: Peer, **options):
        super().__init__(Handler(peer, self), hostname="peer.example", **options)
        self.peer, self.number, self.greeted = peer, 0, False

    def data_received(self, data: bytes) -> None:
        self.peer.chunks.append(len(data))
        super().data_received(data)

    async def push(self, status):
        if not self.greeted:
            self.greeted = True
            self.peer.sessions += 1
            self.number = self.peer.sessions
            if self not in self.peer.lines:
                self.peer.lines.append(self)
            crowded = self.peer.most is not None and len(self.peer.open_lines) > self.peer.most
            status = "421 4.7.0 Too many connections" if crowded else await self.instead("OPEN") or status
        await super().push(status)
        if isinstance(status, str) and status.startswith("421"):
            self.transport.close()

    async def instead(self, step: str) -> str | bytes | None:
        """The answer to give in place of the usual; raw bytes are written as they are."""
        self.peer.commands.append(step)
        fault = self.peer.fault(step)
        if fault is HANG:
            self.peer.hanging.set()
            await asyncio.Event().wait()
        if fault is DROP:
            self.transport.abort()
            await asyncio.Event().wait()
        if isinstance(fault, bytes):
            self._writer.write(fault)
            await asyncio.Event().wait()
        return fault

    async def smtp_DATA(self, arg: str) -> None:
        if fault := await self.instead("DATA"):
            await self.push(fault)
        else:
            await super().smtp_DATA(arg)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if fault := await self.instead("STARTTLS"):
            await self.push(fault)
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if fault := await self.instead("AUTH"):
            await self.push(fault)
        else:
            await super().smtp_AUTH(arg)


class Handler:
    """What aiosmtpd asks about each command of a line."""

    def __init__(self, peer: Peer, line: Line):
        self.peer, self.line = peer, line

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if fault := await self.line.instead("EHLO"):
            return [fault]
        return [*responses[:-1], *(f"250-{offer}" for offer in self.peer.offers), responses[-1]]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if fault := await self.line.instead("MAIL"):
            return fault
        envelope.mail_from, envelope.mail_options = address, options
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if fault := await self.line.instead("RCPT"):
            return fault
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_RSET(self, server, session, envelope):
        return await self.line.instead("RSET") or "250 2.0.0 Ok"

    async def handle_DATA(self, server, session, envelope):
        fault = await self.line.instead("TEXT")
        if isinstance(fault, str) and fault[0] != "2":
            return fault
        (recipient,) = envelope.rcpt_tos
        self.peer.mails.append(
            Arrived(envelope.mail_from, recipient, envelope.content, list(envelope.mail_options), self.line.number,
                    session.ssl is not None, session.auth_data and session.auth_data.login)
        )  # fmt: skip
        return fault or f"250 2.0.0 Ok: queued as {len(self.peer.mails):04X}"


@asynccontextmanager
async def receiving(peer: Peer, *, implicit_tls: bool = False, port: int = 0) -> AsyncIterator[Peer]:
    """The peer while it listens, on a port of its own unless one is named."""

    def line() -> Line:
        return Line(
            peer, enable_SMTPUTF8=peer.utf8, data_size_limit=peer.size, loop=asyncio.get_running_loop(),
            tls_context=None if implicit_tls else peer.context, auth_require_tls=False,
            auth_exclude_mechanism=peer.without,
            authenticator=lambda *call: AuthResult(success=call[-1] == secret, handled=False, auth_data=call[-1]),
        )  # fmt: skip

    secret = LoginPassword(*(part.encode() for part in peer.password)) if peer.password else None
    context = peer.context if implicit_tls else None
    server = await asyncio.get_running_loop().create_server(line, "127.0.0.1", port, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.cut()
        await server.wait_closed()
        await asyncio.sleep(0)  # the lines hear that they were cut


# -- certificates -----------------------------------------------------------------------------------------------------


def certificate(folder: Path, names: Iterable[str] = ("127.0.0.1",), days: int = 1) -> Path:
    """A file with a key and a certificate signed by itself, for these names; with negative `days` it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    today = dt.datetime.now(dt.UTC)
    ends = today + dt.timedelta(days=days)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(min(today, ends) - dt.timedelta(days=1)).not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "peer.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(path: Path) -> ssl.SSLContext:
    """What the peer needs to speak TLS with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
