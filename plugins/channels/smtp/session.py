"""A conversation with a mail server: opened and secured once, then one mail after the other."""

import asyncio
import re
import socket
import ssl
from base64 import b64encode

from msgspec import Struct

from gateway import Failure

from .envelope import Envelope
from .verdict import come_back_later, refusal
from .wire import Broken, Reply, Wire

SIZE = re.compile(r"[0-9]{1,18}")


class Server(Struct, frozen=True):
    """Where to, and how to become known there."""

    host: str
    port: int
    tls: str
    context: ssl.SSLContext | None
    user: str
    password: str
    name: str
    connect_timeout: float
    lookup: asyncio.Lock
    """Held while its name is looked up: a name server that hangs keeps one thread busy, not all of them."""


class Session:
    """An open connection. Between mails it is `ready`, or of no more use."""

    def __init__(self, wire: Wire):
        self._wire = wire
        self._offers: dict[str, str] = {}
        self._pipelining = False
        self._unfinished = False
        self._between_mails = False
        self.used = False
        """Whether a mail has gone through it: only then may the server have ended it by way of habit."""
        self.rests_since = 0.0

    @property
    def ready(self) -> bool:
        """Whether the next mail may be given to it, as far as one can know."""
        return self._between_mails and self._wire.quiet

    def quit(self) -> None:
        """Say goodbye and do not wait for the answer."""
        self._wire.write(b"QUIT\r\n")
        self._wire.close()

    def abort(self) -> None:
        """End it, whatever it was at; a mail whose end was not sent is dropped by the server."""
        self._wire.abort()

    # -- opening ------------------------------------------------------------------------------------------------------

    async def begin(self, server: Server) -> None:
        """Greet, encrypt, log in. Raises `Failure`, of a kind that is the provider's own fault."""
        await self._expect("OPEN")
        await self._greet(server)
        if server.tls == "starttls":
            await self._encrypt(server)
            await self._greet(server)
        if server.user:
            await self._log_in(server.user, server.password)
        self._pipelining = "PIPELINING" in self._offers
        self._between_mails = True

    async def _greet(self, server: Server) -> None:
        reply = await self._ask("OPEN", f"EHLO {server.name or _literal(self._wire.host)}")
        words = [line.upper().partition(" ") for line in reply.lines[1:]]
        self._offers = {keyword: values for keyword, _, values in words}

    async def _encrypt(self, server: Server) -> None:
        """There is no way on in the clear: a server, or somebody between, that offers no encryption gets no mail."""
        if "STARTTLS" not in self._offers or server.context is None:
            raise Failure("config", code="starttls")
        await self._ask("OPEN", "STARTTLS")
        await self._wire.start_tls(server.context, server.host)

    async def _log_in(self, user: str, password: str) -> None:
        offered = self._offers.get("AUTH", "").split()
        if "PLAIN" in offered:
            both = _base64(f"\0{user}\0{password}")
            await self._ask("AUTH", f"AUTH PLAIN {both}")
        elif "LOGIN" in offered:
            for line in ("AUTH LOGIN", _base64(user)):
                await self._ask("AUTH", line, 3)
            await self._ask("AUTH", _base64(password))
        else:
            raise Failure("config", code="auth-not-offered")

    async def _ask(self, step: str, line: str, first_digit: int = 2) -> Reply:
        self._wire.write(f"{line}\r\n".encode())
        return await self._expect(step, first_digit)

    async def _expect(self, step: str, first_digit: int = 2) -> Reply:
        reply = await self._wire.reply()
        if reply.code >= 400:
            raise refusal(reply, step)
        if reply.code // 100 != first_digit:
            raise Broken("garbage")
        return reply

    # -- one mail -----------------------------------------------------------------------------------------------------

    async def deliver(self, mail: Envelope) -> Reply:
        """Hand one mail over; the server's word that it has it. Raises `Failure`, `Broken`, or what `handing_over`
        raises; afterwards `ready` tells whether the session is still good."""
        self._between_mails = False
        await self._introduce(mail)
        if not self._wire.quiet:  # a reply too many would pass for the one to this mail
            raise Broken("garbage")
        mail.message.handing_over()
        self._wire.write(mail.data)
        reply = await self._wire.reply()
        self.used = True
        if 300 <= reply.code < 400:
            raise Broken("garbage")
        self._between_mails = reply.code != 421
        if reply.code >= 400:
            raise refusal(reply, "TEXT")
        return reply

    async def _introduce(self, mail: Envelope) -> None:
        """MAIL, RCPT and DATA, in one piece where the server can take it so (RFC 2920)."""
        commands = self._commands(mail)
        self._unfinished = True
        if self._pipelining:
            self._wire.write(b"".join(commands.values()))
        refused = None
        for step, line in commands.items():
            if not self._pipelining:
                self._wire.write(line)
            reply = await self._answer(step, refused)
            if reply.code >= 400:
                refused = refused or refusal(reply, step)
                if reply.code == 421 or not self._pipelining:
                    break
        if refused is not None:
            # A server that wants text although it refused must not get any, not even none: that would be a mail.
            self._between_mails = reply.code not in (354, 421)
            self.used = True
            raise refused
        self._unfinished = False

    async def _answer(self, step: str, refused: Failure | None) -> Reply:
        """The reply to one of the commands. Where the server hangs up after a refusal, that was its last word."""
        try:
            reply = await self._wire.reply()
            if reply.code == 421 and self.used and not come_back_later(reply):
                raise Broken("lost")
            if reply.code < 400 and not (reply.code == 354 if step == "DATA" else reply.code < 300):
                raise Broken("garbage")
        except Broken as broken:
            raise (refused or broken) from None
        return reply

    def _commands(self, mail: Envelope) -> dict[str, bytes]:
        reset = {"RSET": b"RSET\r\n"} if self._unfinished else {}
        sender = f"MAIL FROM:<{mail.sender}>{self._options(mail)}\r\n".encode()
        return reset | {"MAIL": sender, "RCPT": f"RCPT TO:<{mail.recipient}>\r\n".encode(), "DATA": b"DATA\r\n"}

    def _options(self, mail: Envelope) -> str:
        """What is said about the mail beforehand. Raises `Failure` for what this server cannot take."""
        options = ""
        if "SIZE" in self._offers:
            limit = SIZE.fullmatch(self._offers["SIZE"])
            if limit and mail.size > int(limit[0]) > 0:
                raise self._refused_unasked("rejected", "5.3.4")
            options += f" SIZE={mail.size}"
        if mail.utf8:
            if "SMTPUTF8" not in self._offers:
                raise self._refused_unasked("bad_address" if mail.sender.isascii() else "config", "5.6.7")
            options += " SMTPUTF8"
        return options

    def _refused_unasked(self, kind: str, code: str) -> Failure:
        self._between_mails = True
        return Failure(kind, code=code)


async def open_session(server: Server) -> Session:
    """A session that is ready. Raises `Failure`: down, throttled, auth or config."""
    try:
        async with asyncio.timeout(server.connect_timeout):
            return await _open(server)
    except Broken as broken:
        raise Failure("down", code=broken.code) from None
    except OSError as error:
        raise _unreachable(error) from None


async def _open(server: Server) -> Session:
    session = Session(await _dial(server))
    try:
        await session.begin(server)
    except BaseException:
        session.abort()
        raise
    return session


async def _dial(server: Server) -> Wire:
    """A line to the first of its addresses that answers."""
    loop = asyncio.get_running_loop()
    async with server.lookup:
        found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    context, name = (server.context, server.host) if server.tls == "tls" else (None, None)
    reason = OSError("no address")
    for *_, (address, *_) in found:
        try:
            return (await loop.create_connection(Wire, str(address), server.port, ssl=context, server_hostname=name))[1]
        except OSError as error:
            reason = error
    raise reason


def _unreachable(error: OSError) -> Failure:
    """What kept us from talking to it. A certificate that does not hold is for a person to look at."""
    codes = {
        TimeoutError: "timeout", socket.gaierror: "dns", ssl.SSLError: "tls", ConnectionRefusedError: "refused",
        ConnectionError: "lost",
    }  # fmt: skip
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), "unreachable")
    return Failure("config" if code == "tls" else "down", code=code, words=str(error))


def _literal(address: str) -> str:
    """Our address as a name (RFC 5321 §4.1.3): asking the DNS for a better one could take long."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
