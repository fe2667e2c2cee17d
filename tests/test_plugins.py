"""Strangers' plugins: what works, what is set aside, and what stops the start."""

import pytest

from gateway import plugins
from gateway.errors import NotUsable
from tests.running import BOOKING, CONFIG, running

PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
TEXT = {"channel": "sms", "to": "+351912345678", "class": "transactional", "text": "At four.",
        "declares": {"contains_promotion": False}}  # fmt: skip
PIGEON = """
from gateway import Channel, Sent, hookimpl

class Pigeon(Channel):
    name = "pigeon"
    channels = frozenset({"sms"})

    async def send(self, message):
        SEND

@hookimpl
def register_channels():
    return [Pigeon]
"""
FLIES = PIGEON.replace("SEND", 'message.handing_over(); return Sent(provider_id="coo")')
MISSPELT = "from gateway import hookimpl\n@hookimpl\ndef register_chanels():\n    return []"


def folder_with(tmp_path, **files):
    """A folder of plugins, by name."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    for name, source in files.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def config_with(folder, more=""):
    """A gateway whose texts go by pigeon."""
    texts = '[providers.texts]\nplugin = "outbox"\nchannel = "sms"\n'
    pigeon = f'[providers.texts]\nplugin = "pigeon"\nchannel = "sms"\nconnections = 1\n{more}\n'
    return CONFIG.replace(texts, pigeon) + f'[plugins]\npaths = ["{folder}"]\n'


async def test_a_channel_of_a_named_folder_delivers(tmp_path):
    """A file in a folder of plugins.paths is a channel like any other, and known as not built in."""
    async with running(tmp_path, config_with(folder_with(tmp_path, pigeon=FLIES))) as run:
        message = await run.until((await run.send(TEXT)).json["id"], "sent")
        found = run.gateway.plugins
        assert not found.owners[found.channels["pigeon"]].built_in
        assert found.owners[found.channels["outbox"]].built_in
    assert message["attempts"][0]["provider"] == "texts"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('token 4711')", "ValueError while loading"),
        ("import sys; sys.exit(3)", "SystemExit while loading"),
        (MISSPELT, "UnknownHook while loading"),
    ],
)
def test_a_broken_stranger_is_set_aside(tmp_path, source, reason):
    """Raising, ending the process, a misspelt hook: named without its own words, and the sound one beside it loads."""
    found = plugins.find([folder_with(tmp_path, broken=source, pigeon=FLIES)])
    assert [(one.name, one.reason) for one in found.quarantined] == [("broken", reason)]
    assert "pigeon" in found.channels


def test_two_of_one_name_stop_the_start(tmp_path):
    """Which of them would deliver must not depend on the order of files; one alone is fine."""
    folder = folder_with(tmp_path, one=FLIES)
    assert "pigeon" in plugins.find([folder]).channels
    (folder / "two.py").write_text(FLIES)
    with pytest.raises(NotUsable, match="pigeon"):
        plugins.find([folder])


@pytest.mark.parametrize("kind", ["compliance", "limiters"])
def test_a_broken_rule_or_limiter_stops_the_start(tmp_path, monkeypatch, kind):
    """A law is not switched off by a defect; a broken channel at the same place is only set aside."""
    monkeypatch.setattr(plugins, "built_in_folder", lambda: tmp_path)
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "broken.py").write_text("raise ValueError")
    assert [one.name for one in plugins.find().quarantined] == ["channels/broken"]
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "broken.py").write_text("raise ValueError")
    with pytest.raises(NotUsable, match=f"{kind}/broken"):
        plugins.find()


def test_a_folder_that_is_not_there_stops_the_start(tmp_path):
    """A mistyped path is said, not passed over."""
    assert plugins.find([folder_with(tmp_path)]).quarantined == []
    with pytest.raises(NotUsable, match=r"plugins\.paths"):
        plugins.find([tmp_path / "nowhere"])


@pytest.mark.parametrize("send", ["raise KeyError(message.to)", "import asyncio; await asyncio.Event().wait()"])
async def test_a_channel_that_raises_or_hangs_is_contained(tmp_path, send):
    """Its message is set aside in the end, nothing of the guest is in the log, the other channel delivers at once."""
    folder = folder_with(tmp_path, pigeon=PIGEON.replace("SEND", send))
    async with running(tmp_path, config_with(folder, 'timeout = "1s"')) as run:
        text = (await run.send(TEXT)).json["id"]
        await run.until((await run.send(BOOKING | {"to": PT})).json["id"], "sent", seconds=2)
        message = await run.until(text, "held")
        assert message["hold_reason"] == "quarantined"
        assert {one["outcome"] for one in message["attempts"]} == {"raised" if "raise" in send else "hung"}
        assert "+351912345678" not in run.log_text.getvalue()
