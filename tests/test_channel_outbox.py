"""The outbox: a file per message, in a folder nobody else may read, for a day."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest

from gateway import Failure, Message, Sender, Stopped
from gateway.config import load
from gateway.tools import ProviderTools
from plugins.channels.outbox import Outbox
from tests.conftest import MovedClock

QUINTA = Sender("Quinta das Flores", "hello@quinta.example")


@pytest.fixture
def opened(clock: MovedClock, tmp_path: Path):
    """What opens an outbox for a channel, for as long as a block lasts."""

    @asynccontextmanager
    async def open_outbox(channel: str = "email", **settings) -> AsyncIterator[Outbox]:
        its = msgspec.convert(settings, Outbox.Settings)
        outbox = Outbox(its, ProviderTools("preview", channel, 1, clock, tmp_path))
        await outbox.open()
        try:
            yield outbox
        finally:
            await outbox.close()

    return open_outbox


def message(outbox: Outbox, **changes) -> Message:
    """A composed message, with the given members instead of the usual ones."""
    channel = outbox.tools.channel
    usual = {
        "id": "msg_01jd8z0000000000000000000a", "channel": channel, "subject": "Your stay", "text": "Olá Ana",
        "html": "", "to": "ana@example.org" if channel == "email" else "+351912345678", "sender": QUINTA,
        "created_at": 1_795_514_400_000,
    }  # fmt: skip
    made = Message(**usual | changes)
    made.payload = outbox.compose(made)
    return made


async def swept(outbox: Outbox) -> None:
    """What the outbox does every ten minutes."""
    await asyncio.to_thread(outbox._sweep)


async def test_a_mail_can_be_opened_by_any_mail_program(opened):
    """`<id>.eml` holds the bytes that a provider would get."""
    async with opened() as outbox:
        mail = message(outbox)
        sent = await outbox.send(mail)
        raw = (outbox.tools.folder() / "msg_01jd8z0000000000000000000a.eml").read_bytes()
    assert raw == mail.payload
    parsed = message_from_bytes(raw, policy=policy.default)
    assert (parsed["to"], parsed.get_content().strip()) == ("ana@example.org", "Olá Ana")
    assert sent.provider_id == "msg_01jd8z0000000000000000000a.eml"


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice"])
async def test_anything_else_is_a_text_under_its_number(opened, channel: str):
    """`<id>.txt` is what a person would want to read."""
    async with opened(channel) as outbox:
        await outbox.send(message(outbox))
        text = (outbox.tools.folder() / "msg_01jd8z0000000000000000000a.txt").read_text()
    assert text == "To: +351912345678\n\nOlá Ana\n"


async def test_headers_arrive_in_a_mail_only(opened):
    """One-click unsubscribe is not claimed for a text that has no headers."""
    async with opened("email") as mails, opened("sms") as texts:
        assert (mails.carries_headers, texts.carries_headers) == (True, False)


async def test_nobody_else_on_the_machine_may_read_it(opened):
    """The words lie there in the clear: 0600 in 0700."""
    async with opened() as outbox:
        await outbox.send(message(outbox))
        folder = outbox.tools.folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


async def test_the_same_message_is_the_same_file(opened):
    """A second try after an uncertain one leaves one file: `deduplicates` is true."""
    async with opened() as outbox:
        await outbox.send(message(outbox))
        await outbox.send(message(outbox, attempt=2))
        assert len(list(outbox.tools.folder().iterdir())) == 1
        await outbox.send(message(outbox, id="msg_01jd8z0000000000000000000b"))
        assert len(list(outbox.tools.folder().iterdir())) == 2
    assert Outbox.deduplicates


async def test_a_stopped_message_leaves_no_file(opened):
    """The last look comes before the first byte."""

    def stop(_: Message) -> None:
        raise Stopped()

    async with opened() as outbox:
        with pytest.raises(Stopped):
            await outbox.send(message(outbox, before_handover=stop))
        assert list(outbox.tools.folder().iterdir()) == []
        await outbox.send(message(outbox))
        assert len(list(outbox.tools.folder().iterdir())) == 1


async def test_files_are_gone_after_a_day(opened, clock: MovedClock):
    """By the gateway's clock; a younger one stays."""
    async with opened() as outbox:
        await outbox.send(message(outbox))
        clock.forward(23 * 3600)
        await outbox.send(message(outbox, id="msg_01jd8z0000000000000000000b"))
        await swept(outbox)
        assert len(list(outbox.tools.folder().iterdir())) == 2
        clock.forward(1.1 * 3600)
        await swept(outbox)
        assert [path.name for path in outbox.tools.folder().iterdir()] == ["msg_01jd8z0000000000000000000b.eml"]


async def test_what_is_old_when_it_opens_goes_at_once(opened, clock: MovedClock):
    """Also what a kill left unfinished."""
    async with opened() as outbox:
        folder = outbox.tools.folder()
    left = folder / ".msg_01jd8z0000000000000000000c.eml"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    async with opened(), asyncio.timeout(5):
        while left.exists():  # noqa: ASYNC110  (another thread removes it)
            await asyncio.sleep(0)


async def test_a_folder_that_cannot_be_written_is_the_providers_fault(opened):
    """No message loses an attempt, and there is no half file under a whole name."""
    async with opened() as outbox:
        folder = outbox.tools.folder()
        (folder / ".msg_01jd8z0000000000000000000a.eml").mkdir()
        with pytest.raises(Failure) as failed:
            await outbox.send(message(outbox))
        assert (failed.value.kind, failed.value.status_code, failed.value.maybe_sent) == ("down", "disk", False)
        assert not (folder / "msg_01jd8z0000000000000000000a.eml").exists()
        await outbox.send(message(outbox, id="msg_01jd8z0000000000000000000b"))


@pytest.mark.parametrize(("keep", "right"), [("24h", True), ("30m", True), ("25h", False), ("0s", False), (24, False)])
def test_files_are_kept_for_a_day_at_most(tmp_path: Path, keep: object, right: bool):
    """Nothing keeps guests' words in the clear for longer; written as every duration in config.toml is."""
    path = tmp_path / "config.toml"
    value = f'"{keep}"' if isinstance(keep, str) else keep
    path.write_text(f'config_version = 1\n[providers.preview]\nplugin = "outbox"\nchannel = "sms"\nkeep = {value}\n')
    _, faults = load(path, {}).provider_settings("preview", Outbox.Settings)
    assert (faults == []) is right
