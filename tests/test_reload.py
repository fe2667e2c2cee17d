"""A new configuration while the gateway works: whole or not at all."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from gateway.config import load
from gateway.errors import NotUsable
from tests.running import BOOKING, CONFIG, running

PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
TEXT = {"channel": "sms", "to": "+351912345678", "class": "transactional", "text": "At four.",
        "declares": {"contains_promotion": False}}  # fmt: skip
FEW = '[limits.send]\nendpoints = ["messages.send"]\nquota = 2\nwindow = "1h"\n'


async def reload(run, config):
    """Let the gateway take this text for its config.toml."""
    (run.folder / "config.toml").write_text(config)
    return await run.gateway.reload(load(run.folder / "config.toml", {}))


async def test_a_provider_is_replaced_and_messages_go_on(tmp_path):
    """The new name delivers; what the old one had delivered keeps its story."""
    async with running(tmp_path) as run:
        before = await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent")
        assert await reload(run, CONFIG.replace("[providers.mail]", "[providers.post]")) == []
        after = await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent")
        assert (before["provider"], after["provider"]) == ("mail", "post")
        assert (await run.message(before["id"]))["provider"] == "mail"


async def test_a_window_that_is_being_leased_is_given_back(tmp_path):
    """The reload comes while the writer is busy and the lease is under way: the message is not forgotten as leased."""
    async with running(tmp_path) as run:
        soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
        public = (await run.send(BOOKING | {"to": PT, "deliver_at": soon})).json["id"]
        await asyncio.sleep(0.3)
        busy = asyncio.create_task(run.gateway.db.write(lambda tx, items: [time.sleep(0.8)]))
        await asyncio.sleep(0.5)
        assert not busy.done()
        assert await reload(run, CONFIG) == []
        assert tries(await run.until(public, "sent")) == [1]


def tries(message):
    return [one["attempt"] for one in message["attempts"]]


async def test_what_waits_for_a_removed_provider_is_held(tmp_path):
    """Not dropped: it is held with the reason, new ones are refused, and the other channel goes on."""
    async with running(tmp_path) as run:
        later = TEXT | {"deliver_at": "2099-01-01T00:00:00Z"}
        public = (await run.send(later)).json["id"]
        assert await reload(run, CONFIG.replace('[providers.texts]\nplugin = "outbox"\nchannel = "sms"\n', "")) == []
        message = await run.message(public)
        assert (message["status"], message["hold_reason"]) == ("held", "provider_removed")
        assert (await run.send(TEXT)).status == 422
        await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent")


async def test_a_configuration_that_cannot_be_used_changes_nothing(tmp_path):
    """An unknown plugin in one table: none of the other changes is taken, and messages go out as before."""
    async with running(tmp_path) as run:
        parts = run.gateway.parts
        wrong = CONFIG.replace("[providers.mail]", "[providers.post]").replace(
            'plugin = "outbox"\nchannel = "sms"', 'plugin = "pigeon"\nchannel = "sms"'
        )
        with pytest.raises(NotUsable):
            await reload(run, wrong)
        assert run.gateway.parts is parts
        message = await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent")
        assert message["provider"] == "mail"


async def test_keys_that_need_a_restart_are_named(tmp_path):
    """They are named, and nothing else of that file is taken either."""
    async with running(tmp_path) as run:
        parts = run.gateway.parts
        assert await reload(run, CONFIG + "[server]\nport = 8123\n") == ["server.port"]
        assert run.gateway.parts is parts
        assert await reload(run, CONFIG) == []
        assert run.gateway.parts is not parts


async def test_a_limit_keeps_count_while_others_change(tmp_path, clock):
    """Another one comes, and who is exempt from this one changes: neither gives anything back."""
    many = '[limits.many]\nendpoints = ["messages.list"]\nquota = 1\nwindow = "1h"\n'
    async with running(tmp_path, CONFIG + FEW, clock) as run:
        assert [(await run.send(BOOKING | {"to": PT})).status for _ in range(2)] == [202, 202]
        assert await reload(run, CONFIG + FEW + 'exempt = ["owner"]\n' + many) == []
        refused = await run.send(BOOKING | {"to": PT})
        assert (refused.status, refused.json["limit"]) == (429, "send")
        assert [(await run.call("GET", "/communications/messages")).status for _ in range(2)] == [200, 429]


async def test_a_reload_gives_nobody_a_fresh_quota(tmp_path, clock):
    """A limit that did not change goes on counting; a changed one begins anew."""
    async with running(tmp_path, CONFIG + FEW, clock) as run:
        assert [(await run.send(BOOKING | {"to": PT})).status for _ in range(3)] == [202, 202, 429]
        assert await reload(run, CONFIG + FEW) == []
        assert (await run.send(BOOKING | {"to": PT})).status == 429
        assert await reload(run, CONFIG + FEW.replace("quota = 2", "quota = 4")) == []
        assert (await run.send(BOOKING | {"to": PT})).status == 202
