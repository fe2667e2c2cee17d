"""The SMTP channel against a real server on loopback, at its best and at its worst."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Failure, Message, NotUsable, Sender, Sent, Stopped
from gateway.plugins import built_in_folder, find
from gateway.tools import ProviderTools
from plugins.channels.smtp import Smtp
from plugins.channels.smtp.envelope import on_the_wire
from tests.conftest import MovedClock
from tests.smtp_peer import DROP, HANG, Peer, certificate, receiving, server_context

QUINTA = Sender("Quinta das Flores", "hello@quinta.example")
QUICK = {"connect_timeout": 0.2, "send_timeout": 0.2}


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def opened(clock: MovedClock, tmp_path: Path):
    """What opens a channel to a peer, for as long as a block lasts."""

    @asynccontextmanager
    async def open_channel(peer: Peer, connections: int = 1, **settings) -> AsyncIterator[Smtp]:
        its = {"host": "127.0.0.1", "port": peer.port, "tls": "none"} | settings
        tools = ProviderTools("main", "email", connections, clock, tmp_path)
        channel = Smtp(msgspec.convert(its, Smtp.Settings), tools)
        await channel.open()
        try:
            yield channel
        finally:
            await channel.close()

    return open_channel


numbers = iter(range(10**6))


def mail(channel: Smtp, **changes) -> Message:
    """A composed message, with the given members instead of the usual ones."""
    usual = {
        "id": f"msg_{next(numbers):026d}", "channel": "email", "to": "ana@example.org", "subject": "Your stay",
        "text": "See you on Friday.", "html": "", "sender": QUINTA, "created_at": 1_795_514_400_000,
    }  # fmt: skip
    message = Message(**usual | changes)
    message.payload = message.payload or channel.compose(message)
    return message


async def failure(channel: Smtp, message: Message | None = None) -> Failure:
    """How the channel fails with this message."""
    with pytest.raises(Failure) as failed:
        await channel.send(message or mail(channel))
    return failed.value


def said(failed: Failure) -> tuple:
    return failed.kind, failed.status_code, failed.maybe_sent


# -- a mail that arrives ----------------------------------------------------------------------------------------------


async def test_a_mail_arrives_as_it_was_composed(peer: Peer, opened):
    """Byte for byte, from the sender to the one recipient; the server's name for it comes back."""
    async with receiving(peer), opened(peer) as channel:
        message = mail(channel, text="Olá Ana,\n.\n..dots\nat the beginning", html="<p>Olá</p>")
        sent = await channel.send(message)
    (arrived,) = peer.mails
    assert (arrived.sender, arrived.recipient) == ("hello@quinta.example", "ana@example.org")
    assert arrived.content == message.payload
    assert (sent.provider_id, sent.words) == ("0001", "2.0.0 Ok: queued as 0001")
    parsed = message_from_bytes(arrived.content, policy=policy.default)
    assert parsed.get_body(("plain",)).get_content().splitlines()[1:3] == [".", "..dots"]


async def test_the_date_of_a_mail_is_the_day_it_is_composed(peer: Peer, opened, clock: MovedClock):
    """A mail that waited for three days does not arrive three days old."""
    async with receiving(peer), opened(peer) as channel:
        clock.forward(3 * 86_400)
        assert b"\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n" in mail(channel).payload


async def test_mails_follow_each_other_over_one_connection(peer: Peer, opened):
    """Greeting and login are paid once."""
    async with receiving(peer), opened(peer) as channel:
        for _ in range(5):
            await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1] * 5


async def test_the_envelope_travels_in_one_piece_where_the_server_allows_it(peer: Peer, opened):
    """PIPELINING: greeting, envelope and text are three writes."""
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        assert len(peer.chunks) == 3


async def test_a_server_without_pipelining_is_told_one_thing_at_a_time(opened):
    """Every command waits for the answer to the one before, and stops where one is refused."""
    peer = Peer(offers=())
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        assert len(peer.chunks) == 5
        peer.faults["RCPT"] = ["550 5.1.1 Nobody here"]
        assert said(await failure(channel)) == ("bad_address", "5.1.1", False)
        await channel.send(mail(channel))
    assert peer.commands[-7:] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "TEXT"]
    assert (len(peer.mails), peer.sessions) == (2, 1)


async def through_slots(channel: Smtp, messages: Iterable[Message], slots: int) -> list[tuple[Message, object]]:
    """Hand messages over as the gateway does: so many at once, each slot one after the other. What became of each."""
    supply, became = iter(messages), []

    async def slot() -> None:
        for message in supply:
            try:
                became.append((message, await channel.send(message)))
            except Failure as reason:
                became.append((message, reason))

    await asyncio.gather(*[slot() for _ in range(slots)])
    return became


async def test_every_slot_has_a_connection_and_every_message_its_outcome(peer: Peer, opened):
    """As many connections as slots, no more; a refusal is that one message's alone."""
    peer.faults["TEXT"] = [None, "451 4.3.0 Later", None]
    async with receiving(peer), opened(peer, connections=4) as channel:
        messages = [mail(channel, to=f"guest{number}@example.org") for number in range(30)]
        became = await through_slots(channel, messages, 4)
    assert {message.id for message, _ in became} == {message.id for message in messages}
    refused = [result for _, result in became if not isinstance(result, Sent)]
    assert [said(result) for result in refused] == [("transient", "4.3.0", False)]
    assert (len(peer.mails), peer.sessions) == (29, 4)


async def test_closing_ends_the_connections(peer: Peer, opened):
    """Nothing is left open."""
    async with receiving(peer):
        async with opened(peer, connections=3) as channel:
            await through_slots(channel, [mail(channel) for _ in range(9)], 3)
            assert len(peer.open_lines) == 3
        await until(lambda: not peer.open_lines)


async def until(condition) -> None:
    """Let the loop turn until something has come true."""
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110  (nobody would set an event)
            await asyncio.sleep(0)


# -- what goes over the wire ------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\r\n.\r\n", b"MAIL FROM:<e@e>", b"\0"])))
def test_no_text_ends_a_mail_early(pieces: list[bytes]):
    """CRLF is the only line end, the lone dot is the last line, and undoing the doubled dots gives the text back."""
    payload = b"".join(pieces)
    data = on_the_wire(payload)
    assert data.endswith(b"\r\n.\r\n")
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    *lines, dot, nothing = data.split(b"\r\n")
    assert (dot, nothing) == (b".", b"")
    assert b"." not in lines
    text = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)
    normal = re.sub(rb"\r\n?|\n", b"\r\n", payload)
    assert text == (normal if normal.endswith(b"\r\n") else normal + b"\r\n")


@pytest.mark.parametrize(
    "line_end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r\n", b"\r\n.\n", b"\0\r\n.\r"]
)
async def test_a_mail_is_not_smuggled_in_another(peer: Peer, opened, line_end: bytes):
    """Whatever ends a line for some server, a second envelope in the text stays text."""
    payload = b"Hi" + line_end + b"MAIL FROM:<eve@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nHi Bob\r\n"
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel, payload=payload))
        await channel.send(mail(channel))
    assert [arrived.recipient for arrived in peer.mails] == ["ana@example.org", "ana@example.org"]
    assert b"MAIL FROM:<eve@example.org>" in peer.mails[0].content


@pytest.mark.parametrize("to", ["a@b>\r\nRCPT TO:<eve@example.org", "a@b c", "a\0@b", "<a@b>", "ana", "", "a@b\x85"])
async def test_an_address_cannot_carry_a_command(peer: Peer, opened, to: str):
    """It is refused before anything is written."""
    async with receiving(peer), opened(peer) as channel:
        assert said(await failure(channel, mail(channel, to=to, payload=b"x\r\n"))) == ("bad_address", "5.1.3", False)
        foul = Sender("Q", to)
        assert said(await failure(channel, mail(channel, sender=foul, payload=b"x\r\n"))) == ("config", "5.1.7", False)
        assert peer.sessions == 0
        await channel.send(mail(channel))
    assert len(peer.mails) == 1


async def test_an_address_in_another_script_needs_a_server_that_takes_it(opened):
    """With SMTPUTF8 it arrives; without, it is refused before the server is asked, and the next mail goes."""
    able, unable = Peer(), Peer(utf8=False)
    async with receiving(able), opened(able) as channel:
        await channel.send(mail(channel, to="jürgen@example.org"))
    assert able.mails[0].recipient == "jürgen@example.org"
    assert "SMTPUTF8" in able.mails[0].options
    async with receiving(unable), opened(unable) as channel:
        assert said(await failure(channel, mail(channel, to="jürgen@example.org"))) == ("bad_address", "5.6.7", False)
        strange = Sender("Q", "olá@quinta.example")
        assert said(await failure(channel, mail(channel, sender=strange))) == ("config", "5.6.7", False)
        await channel.send(mail(channel))
    assert (len(unable.mails), unable.sessions) == (1, 1)


async def test_a_mail_larger_than_the_server_takes_is_not_offered(opened):
    """SIZE (RFC 1870): the limit is known from the greeting; what fits is announced."""
    peer = Peer(size=2000)
    async with receiving(peer), opened(peer) as channel:
        assert said(await failure(channel, mail(channel, text="x" * 3000))) == ("rejected", "5.3.4", False)
        message = mail(channel)
        await channel.send(message)
    assert peer.mails[0].options == [f"SIZE={len(message.payload)}"]


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("MAIL", "451 4.3.0 Try later", ("transient", "4.3.0", None)),
        ("MAIL", "450 4.7.1 Greylisted", ("transient", "4.7.1", 300)),
        ("MAIL", "421 4.7.28 Too fast", ("transient", "4.7.28", 300)),
        ("MAIL", "421 4.3.2 Shutting down", ("transient", "4.3.2", None)),
        ("MAIL", "530 5.7.0 Log in first", ("auth", "5.7.0", None)),
        ("MAIL", "553 5.1.8 Sender unknown", ("rejected", "5.1.8", None)),
        ("MAIL", "550 Sender not welcome", ("rejected", "550", None)),
        ("RCPT", "550 5.1.1 No such user", ("bad_address", "5.1.1", None)),
        ("RCPT", "550 No such user", ("bad_address", "550", None)),
        ("RCPT", "553 5.1.3 Bad syntax", ("bad_address", "5.1.3", None)),
        ("RCPT", "550 5.2.1 Mailbox disabled", ("bad_address", "5.2.1", None)),
        ("RCPT", "550 5.7.1 Not from you", ("rejected", "5.7.1", None)),
        ("RCPT", "554 5.7.1 Relaying denied", ("rejected", "5.7.1", None)),
        ("RCPT", "552 5.2.2 Mailbox full", ("rejected", "5.2.2", None)),
        ("RCPT", "550 4.1.1 Contradiction", ("bad_address", "550", None)),
        ("RCPT", "550 5.9999.1 Nonsense", ("bad_address", "550", None)),
        ("RCPT", "450 Greylisting in action, come back", ("transient", "450", 300)),
        ("RCPT", "451 grey-listed", ("transient", "451", 300)),
        ("RCPT", "452 4.2.2 Mailbox full", ("transient", "4.2.2", None)),
        ("RCPT", "450-4.2.0 In two\r\n450 4.2.0 lines", ("transient", "4.2.0", None)),
        ("DATA", "451 4.3.5 Not now", ("transient", "4.3.5", None)),
        ("DATA", "554 5.5.1 No", ("rejected", "5.5.1", None)),
        ("TEXT", "550 5.7.1 Looks like spam", ("rejected", "5.7.1", None)),
        ("TEXT", "550 Looks like spam", ("rejected", "550", None)),
        ("TEXT", "550 5.1.1 Only now we know", ("bad_address", "5.1.1", None)),
        ("TEXT", "451 4.7.1 Greylisted", ("transient", "4.7.1", 300)),
        ("TEXT", "421 4.3.0 Bye", ("transient", "4.3.0", None)),
    ],
)
async def test_what_a_refusal_means(peer: Peer, opened, step: str, reply: str, expected: tuple):
    """Whose fault, which code, how long to wait; certain, even after the text. The next mail goes out."""
    peer.faults[step] = [reply]
    async with receiving(peer), opened(peer) as channel:
        failed = await failure(channel)
        assert (failed.kind, failed.status_code, failed.retry_after) == expected
        assert not failed.maybe_sent
        assert failed.words.split(" ")[-1] == reply.rsplit(" ", maxsplit=1)[-1]
        assert peer.mails == []
        await channel.send(mail(channel))
    assert len(peer.mails) == 1
    assert peer.sessions == (2 if reply.startswith("421") else 1)


async def test_a_server_that_asks_for_text_although_it_refused_gets_none(peer: Peer, opened):
    """Not even an empty mail may arrive where the recipient was refused; the connection is given up."""
    peer.faults |= {"RCPT": ["550 5.1.1 No"], "DATA": [b"354 Go ahead\r\n"]}
    async with receiving(peer), opened(peer) as channel:
        assert said(await failure(channel)) == ("bad_address", "5.1.1", False)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [2]


# -- the moment of handing over ---------------------------------------------------------------------------------------


async def test_handing_over_is_called_before_the_first_byte_of_the_text(peer: Peer, opened):
    """The server has agreed to take it and has nothing of it yet."""
    seen = []
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel, before_handover=lambda _: seen.append((*peer.commands, len(peer.chunks)))))
    assert seen == [("OPEN", "EHLO", "MAIL", "RCPT", "DATA", 2)]


async def test_a_stopped_mail_does_not_leave_and_the_next_one_does(peer: Peer, opened):
    """An opt-out of the last moment: the server drops the half conversation."""

    def stop(_: Message) -> None:
        raise Stopped()

    async with receiving(peer), opened(peer) as channel:
        with pytest.raises(Stopped):
            await channel.send(mail(channel, before_handover=stop))
        await channel.send(mail(channel, to="bob@example.org"))
    assert [arrived.recipient for arrived in peer.mails] == ["bob@example.org"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [(DROP, "lost"), (HANG, "timeout"), (b"<html>\r\n", "garbage"), (b"250 \0\r\n", "garbage"),
     (b"334 Go on\r\n", "garbage"), (b"<html>\r\n250 2.0.0 Ok\r\n", "garbage"),
     (b"2" * 100_000, "garbage"), (b"250-more\r\n" * 10_000, "garbage"),
     (b"250-half", "timeout")],
    ids=["drop", "hang", "html", "nul", "odd", "html first", "endless line", "endless lines", "half a line"],
)  # fmt: skip
@pytest.mark.parametrize(("step", "maybe"), [("MAIL", False), ("RCPT", False), ("DATA", False), ("TEXT", True)])
async def test_silence_and_garbage(peer: Peer, opened, step: str, maybe: bool, fault: object, code: str):
    """Only after the text was sent may the server have it; then nobody can know. The next mail goes over a new line."""
    peer.faults[step] = [fault]
    async with receiving(peer), opened(peer, **QUICK) as channel:
        assert said(await failure(channel)) == ("unknown", code, maybe)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [2]


async def test_a_cancelled_hand_over_leaves_no_connection_behind(peer: Peer, opened):
    """The gateway's own deadline: the message knows that it was handed over, the line is cut, the slot is free."""
    peer.faults["TEXT"] = [HANG]
    async with receiving(peer), opened(peer) as channel:
        message = mail(channel)
        sending = asyncio.create_task(channel.send(message))
        await peer.hanging.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert message.handed
        await until(lambda: not peer.open_lines)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [2]


# -- connections that end ---------------------------------------------------------------------------------------------


async def test_a_connection_that_was_cut_while_it_rested_is_opened_again(peer: Peer, opened):
    """Nobody hears of it, whether the end was noticed before or only on writing."""
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        peer.cut()
        await channel.send(mail(channel))
        peer.cut()
        await until(lambda: not channel._pool._resting[0].ready)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1, 2, 3]


@pytest.mark.parametrize("fault", ["421 4.4.2 Idle for too long", DROP])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_goodbye_on_a_used_connection_is_not_the_mails_fault(peer: Peer, opened, step: str, fault: object):
    """Servers end connections after a time or a number of mails: the mail goes over a new one at once."""
    peer.faults[step] = [None, fault]
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1, 2]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_used_connection_that_ends_for_being_too_fast_is_not_followed_by_another_at_once(peer, opened, step):
    """A limit of the server is waited for; a new connection would be the next thing it counts."""
    peer.faults[step] = [None, "421 4.7.28 Too fast"]
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        failed = await failure(channel)
        assert (failed.kind, failed.status_code, failed.retry_after) == ("transient", "4.7.28", 300)
        assert peer.sessions == 1
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1, 2]


async def test_a_server_that_talks_without_end_is_not_listened_to(peer: Peer, opened):
    """Replies nobody asked for are not collected: the connection ends, and the next mail has one of its own."""
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        peer.open_lines[0].transport.write(b"250 2.0.0 Ok\r\n" * 1000)
        await until(lambda: not peer.open_lines)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1, 2]


async def test_a_server_that_spoke_unasked_is_not_trusted_with_a_mail(peer: Peer, opened):
    """A reply too many would be taken for the next mail's: that connection is given up."""
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        peer.open_lines[0].transport.write(b"250 2.0.0 Ok\r\n")
        await until(lambda: not channel._pool._resting[0].ready)
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [1, 2]


async def test_a_reply_too_many_is_not_taken_for_the_one_to_the_mail(peer: Peer, opened):
    """The mail would count as sent although the server has not even got it."""
    peer.faults["DATA"] = [b"354 Go ahead\r\n250 2.0.0 Ok: queued as FFFF\r\n"]
    async with receiving(peer), opened(peer) as channel:
        message = mail(channel)
        assert said(await failure(channel, message)) == ("unknown", "garbage", False)
        assert not message.handed
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [2]


@pytest.mark.parametrize("fault", ["421 4.7.0 That was too much", DROP], ids=["goodbye", "hangs up"])
async def test_a_refusal_counts_although_the_server_hangs_up_after_it(peer: Peer, opened, fault: object):
    """Its last word is about the recipient, and it was certain."""
    peer.faults |= {"RCPT": [None, "550 5.1.1 Nobody here"], "DATA": [None, fault]}
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        assert said(await failure(channel)) == ("bad_address", "5.1.1", False)


@pytest.mark.parametrize("size", ["", "0", "9" * 5000, "many", "\u0665"])
async def test_a_size_that_is_no_limit_limits_nothing(opened, size: str):
    """Nonsense in a greeting does no harm."""
    peer = Peer(size=None, offers=(f"SIZE {size}",))
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
    assert len(peer.mails) == 1


@pytest.mark.parametrize(("rest", "session"), [(59, 1), (61, 2)])
async def test_a_connection_that_rested_long_is_not_used(
    peer: Peer, opened, clock: MovedClock, rest: int, session: int
):
    """Something on the way may have forgotten it, and a mail would hang there."""
    async with receiving(peer), opened(peer) as channel:
        await channel.send(mail(channel))
        clock.forward(rest)
        await channel.send(mail(channel))
    assert peer.mails[-1].session == session


async def test_a_server_that_allows_fewer_connections_gets_fewer(opened):
    """Turned away at the third, two carry everything; none of the mails hears of it."""
    peer = Peer(most=2)
    async with receiving(peer), opened(peer, connections=6) as channel:
        became = await through_slots(channel, [mail(channel) for _ in range(40)], 6)
        assert all(isinstance(result, Sent) for _, result in became)
        assert len(peer.open_lines) == 2
    assert peer.sessions <= 6


async def test_a_server_that_came_to_allow_more_gets_more_when_one_has_ended(opened, clock: MovedClock):
    """Also when it ended at rest, where no mail was near it: then what was withheld is tried again, one by one."""
    peer = Peer(most=1)
    async with receiving(peer), opened(peer, connections=2) as channel:
        await through_slots(channel, [mail(channel) for _ in range(20)], 2)
        assert {arrived.session for arrived in peer.mails} == {1}
        peer.most = None
        clock.forward(61)
        await through_slots(channel, [mail(channel) for _ in range(20)], 2)
        assert len(peer.open_lines) == 2


# -- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "fault", "expected"),
    [
        ("OPEN", "421 4.3.2 Come back later", ("down", "4.3.2", None)),
        ("OPEN", "421 4.7.0 You are too fast", ("throttled", "4.7.0", 300)),
        ("OPEN", "554 5.7.1 Not you", ("config", "5.7.1", None)),
        ("OPEN", HANG, ("down", "timeout", None)),
        ("OPEN", DROP, ("down", "lost", None)),
        ("OPEN", b"HTTP/1.1 400 Bad Request\r\n\r\n", ("down", "garbage", None)),
        ("OPEN", b"SSH-2.0-OpenSSH\r\n", ("down", "garbage", None)),
        ("OPEN", b"220-never\r\n" * 10_000, ("down", "garbage", None)),
        ("OPEN", b"220 slow", ("down", "timeout", None)),
        ("EHLO", "502 5.5.1 What?", ("config", "5.5.1", None)),
        ("EHLO", HANG, ("down", "timeout", None)),
        ("EHLO", "451 4.3.0 Tired", ("down", "4.3.0", None)),
    ],
)
async def test_a_server_that_does_not_open_is_the_providers_fault(peer, opened, step: str, fault, expected: tuple):
    """No mail loses an attempt, and none has left."""
    peer.faults[step] = [fault]
    async with receiving(peer), opened(peer, **QUICK) as channel:
        failed = await failure(channel)
        assert (failed.kind, failed.status_code, failed.retry_after) == expected
        assert not failed.maybe_sent
        await channel.send(mail(channel))
    assert [arrived.session for arrived in peer.mails] == [2]


async def test_nobody_listens(peer: Peer, opened):
    """A closed port is the provider's fault; when it opens, mails go."""
    async with receiving(peer):
        pass
    async with opened(peer) as channel:
        assert said(await failure(channel)) == ("down", "refused", False)


async def test_every_address_of_a_name_is_tried(peer: Peer, opened):
    """`localhost` is ::1 and 127.0.0.1 on many machines; the peer listens on the second."""
    async with receiving(peer), opened(peer, host="localhost") as channel:
        await channel.send(mail(channel))
    assert len(peer.mails) == 1


async def test_a_name_that_does_not_exist(opened):
    """DNS is the provider's fault too: RFC 6761 keeps .invalid from ever existing."""
    async with opened(Peer(port=25), host="mail.invalid", connect_timeout=5.0) as channel:
        failed = await failure(channel)
    assert failed.kind == "down"
    assert failed.status_code in ("dns", "timeout")


# -- encryption -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The peer's certificate, good for 127.0.0.1."""
    return certificate(tmp_path_factory.mktemp("tls"))


async def test_starttls_is_what_happens_unless_told_otherwise(opened, pem: Path):
    """Two mails over one encrypted line, its certificate checked."""
    peer = Peer(context=server_context(pem))
    async with receiving(peer), opened(peer, tls="starttls", ca_file=str(pem)) as channel:
        await channel.send(mail(channel))
        await channel.send(mail(channel))
    assert [(arrived.tls, arrived.session) for arrived in peer.mails] == [(True, 1), (True, 1)]
    assert Smtp.Settings(host="x").tls == "starttls"


async def test_tls_from_the_first_byte(opened, pem: Path):
    """The way of port 465."""
    peer = Peer(context=server_context(pem))
    async with receiving(peer, implicit_tls=True), opened(peer, tls="tls", ca_file=str(pem)) as channel:
        await channel.send(mail(channel))
    assert len(peer.mails) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")  # that is the point of it
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
@pytest.mark.parametrize("spoilt", ["unknown", "expired", "other name", "old protocol"])
async def test_a_certificate_that_does_not_hold_gets_no_mail(opened, pem: Path, tmp_path: Path, implicit, spoilt: str):
    """Never sent, never in the clear instead: a person must look at it."""
    theirs = certificate(
        tmp_path, ["other.example"] if spoilt == "other name" else ["127.0.0.1"], -2 if spoilt == "expired" else 1
    )
    context = server_context(theirs)
    if spoilt == "old protocol":
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    peer = Peer(context=context)
    trusted = pem if spoilt == "unknown" else theirs
    tls = "tls" if implicit else "starttls"
    async with receiving(peer, implicit_tls=implicit), opened(peer, tls=tls, ca_file=str(trusted)) as channel:
        expected = {("config", "tls", False)}
        if spoilt == "old protocol":  # a server without a protocol in common may hang up instead of saying so
            expected.add(("down", "lost", False))
        assert said(await failure(channel)) in expected
    assert "MAIL" not in peer.commands


async def test_a_server_without_encryption_gets_no_mail(opened, peer: Peer):
    """Whoever strips the offer from the greeting gets nothing to read."""
    async with receiving(peer), opened(peer, tls="starttls") as channel:
        assert said(await failure(channel)) == ("config", "starttls", False)
    assert peer.commands == ["OPEN", "EHLO"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("454 4.7.0 No TLS today", ("throttled", "4.7.0", False)), ("501 5.5.4 No", ("config", "5.5.4", False)),
     (b"220 Go ahead\r\n250-peer\r\n250 AUTH PLAIN\r\n", ("down", "garbage", False))],
    ids=["later", "never", "injected"],
)  # fmt: skip
async def test_what_comes_instead_of_encryption_is_not_believed(opened, pem: Path, fault, expected: tuple):
    """A refusal is no leave to go on in the clear; text slipped in before the handshake ends it (CVE-2011-0411)."""
    peer = Peer(context=server_context(pem), faults={"STARTTLS": [fault]})
    async with receiving(peer), opened(peer, tls="starttls", ca_file=str(pem), **QUICK) as channel:
        assert said(await failure(channel)) == expected
        assert peer.mails == []
        await channel.send(mail(channel))
    assert peer.mails[0].tls


# -- login ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("s3cret-ß\n")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_it_logs_in_once_with_what_the_server_offers(opened, pem: Path, password_file: str, mechanism: str):
    """PLAIN or LOGIN, and only inside the encryption."""
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    peer = Peer(context=server_context(pem), password=("venue", "s3cret-ß"), without=(other,))
    login = {"user": "venue", "password_file": password_file}
    async with receiving(peer), opened(peer, tls="starttls", ca_file=str(pem), **login) as channel:
        await channel.send(mail(channel))
        await channel.send(mail(channel))
    assert [arrived.user for arrived in peer.mails] == [b"venue", b"venue"]
    assert peer.commands[:5] == ["OPEN", "EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert peer.commands.count("AUTH") == 1


async def test_a_wrong_password_is_the_providers_fault(opened, pem: Path, password_file: str):
    """The provider pauses; no mail was offered."""
    peer = Peer(context=server_context(pem), password=("venue", "another"))
    login = {"user": "venue", "password_file": password_file}
    async with receiving(peer), opened(peer, tls="starttls", ca_file=str(pem), **login) as channel:
        assert said(await failure(channel)) == ("auth", "5.7.8", False)
    assert "MAIL" not in peer.commands


async def test_a_login_that_fails_for_now_or_is_not_offered(opened, password_file: str):
    """454 is trouble over there, a question is no yes; a server without AUTH is a mistake in the configuration."""
    login = {"user": "venue", "password_file": password_file}
    peer = Peer(password=("venue", "s3cret-ß"), faults={"AUTH": ["454 4.3.0 Directory down"]})
    async with receiving(peer), opened(peer, **login) as channel:
        assert said(await failure(channel)) == ("down", "4.3.0", False)
        await channel.send(mail(channel))
    asking = Peer(password=("venue", "s3cret-ß"), faults={"AUTH": [b"334 \r\n"]})
    async with receiving(asking), opened(asking, **login) as channel:
        assert said(await failure(channel)) == ("down", "garbage", False)
        await channel.send(mail(channel))
    bare = Peer(without=("PLAIN", "LOGIN"))
    async with receiving(bare), opened(bare, **login) as channel:
        assert said(await failure(channel)) == ("config", "auth-not-offered", False)


@pytest.mark.parametrize(
    "settings",
    [{"user": "venue"}, {"password_file": "x"}, {"user": "venue", "password_file": "x", "host": "192.0.2.1"},
     {"tls": "tls", "ca_file": "/nowhere.pem"}, {"tls": "tls", "ca_file": __file__}],
    ids=["no password", "no user", "in the clear", "no ca_file", "not certificates"],
)  # fmt: skip
async def test_settings_that_make_no_sense_together_stop_it_from_opening(opened, peer: Peer, settings: dict):
    """Said when it opens, with what to do; no password ever crosses a network in the clear."""
    async with receiving(peer):
        with pytest.raises(NotUsable, match=" — "):
            async with opened(peer, **settings):
                pass
        async with opened(peer) as channel:
            await channel.send(mail(channel))


@pytest.mark.parametrize(
    "settings",
    [{}, {"host": "x", "prot": 25}, {"host": "x", "port": 0}, {"host": "x", "tls": "maybe"},
     {"host": "x", "send_timeout": "soon"}],
)  # fmt: skip
def test_settings_are_checked_by_their_types(settings: dict):
    """A missing host, an unknown key and a port that is none are faults of the table."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, Smtp.Settings)
    assert msgspec.convert({"host": "x"}, Smtp.Settings).port is None


def test_the_gateway_finds_it():
    """It is loaded by its path, as any plugin is."""
    assert (built_in_folder() / "channels/smtp/__init__.py").is_file()
    assert find().channels["smtp"].channels == {"email"}
