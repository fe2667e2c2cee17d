"""What messages cost: counted before they leave, never above a day's ceiling, and a person is asked for more."""

import asyncio
from decimal import Decimal

import pytest
from click.testing import CliRunner
from prometheus_client import generate_latest

from gateway.cli.main import cli
from gateway.config import ConfigFaults, in_money, load
from gateway.config.values import MONEY
from gateway.metrics import REGISTRY
from tests.faults.loop import looping
from tests.running import BOOKING, CONFIG, running
from tests.smtp_peer import Peer, receiving

TEXT = {"channel": "sms", "class": "transactional", "category": "booking", "text": "At four.",
        "declares": {"contains_promotion": False}}  # fmt: skip
TEXTS = '[providers.texts]\nplugin = "outbox"\nchannel = "sms"\n'


def priced(price="0.07", ceiling="0.35"):
    """A configuration in which a segment of a text has a price, and a day a ceiling."""
    costs = f'[costs.sms]\na_day = "{ceiling}"\n' if ceiling else ""
    return CONFIG.replace(TEXTS, f'{TEXTS}price = "{price}"\n') + costs


async def text(run, number, **change):
    """Send one, to a guest of its own; its id."""
    reply = await run.send(TEXT | {"to": f"+35191234{number:04}"} | change)
    assert reply.status == 202, reply.json
    return reply.json["id"]


async def costs(run):
    """What the limits say that texts have cost today, and how many are held."""
    (one,) = (await run.call("GET", "/communications/limits")).json["costs"]
    return one["spent"], one["ceiling"], one["near"], one["held"]


@pytest.mark.parametrize("text_", ["0", "0.07", "50", "12.5", "0.000001", "999999999.999999"])
def test_an_amount_is_exact(text_):
    """What is written is what is counted, to the millionth; it comes back with two digits behind the point or more."""
    assert MONEY.read(text_) == Decimal(text_) * 1_000_000
    assert Decimal(in_money(MONEY.read(text_))) == Decimal(text_)
    assert len(in_money(MONEY.read(text_)).partition(".")[2]) >= 2
    for wrong in ("-1", "1,50", "1e3", ".5", "0.0000001", "1."):
        with pytest.raises(ValueError, match=r"^$"):
            MONEY.read(wrong)


def test_a_ceiling_wants_to_know_every_price(tmp_path):
    """A provider whose messages cost nobody knows what would spend in silence; a number is not an amount."""
    file = tmp_path / "config.toml"
    for wrong, where in (
        (CONFIG + '[costs.sms]\na_day = "5"\n', "providers.texts.price"),
        (priced().replace('"0.07"', "0.07"), "providers.texts.price"),
        (CONFIG + '[costs.fax]\na_day = "5"\n', "costs"),
    ):
        file.write_text(wrong)
        with pytest.raises(ConfigFaults) as found:
            load(file, {})
        assert where in str(found.value)
    file.write_text(priced())
    assert load(file, {}).costs["sms"].a_day == 350_000


async def test_what_would_cost_more_than_a_day_may_waits_for_a_person(tmp_path, clock):
    """Five texts at 7 are 35; the sixth is held, with an event and an entry. An emergency leaves and is counted, mail
    leaves, and who is released leaves. Tomorrow has money of its own, and what is held stays."""
    async with running(tmp_path, priced(), clock) as run:
        for number in range(5):
            await run.until(await text(run, number), "sent")
        assert await costs(run) == ("0.35", "0.35", True, 0)
        held = [await text(run, number) for number in (5, 6)]
        for one in held:
            message = await run.until(one, "held")
            assert (message["hold_reason"], message["attempts"]) == ("cost", [])
            assert [event["type"] for event in message["events"]] == ["accepted", "held"]
        entries = (await run.call("GET", "/communications/audit?limit=50")).json["items"]
        assert [one["object"] for one in entries if one["action"] == "message.held"] == held[::-1]
        await run.until((await run.send(BOOKING | {"to": "ana@example.org"})).json["id"], "sent")
        key = {"headers": {"Authorization": f"Bearer {await run.draw('send', 'send.emergency')}"}}
        alarm = TEXT | {"to": "+351912349999", "class": "emergency", "category": "safety"}
        await run.until((await run.send(alarm, **key)).json["id"], "sent")
        assert await costs(run) == ("0.42", "0.35", True, 2)
        assert (await run.call("POST", f"/communications/messages/{held[0]}/release")).status == 200
        await run.until(held[0], "sent")
        assert await costs(run) == ("0.49", "0.35", True, 1)
        exposed = generate_latest(REGISTRY) if run.gateway.measure() is None else b""
        assert b'gateway_costs_today{channel="sms"} 0.49\n' in exposed
        assert b'gateway_costs_ceiling{channel="sms"} 0.35\n' in exposed
    log = run.log_text.getvalue()
    assert log.count("most of a day's money is spent") == 1
    assert log.count("held at the ceiling of costs") == 2
    clock.forward(86_400)
    async with running(tmp_path, priced(), clock) as run:
        assert await costs(run) == ("0.00", "0.35", False, 1)
        await run.until(await text(run, 7), "sent")
        assert (await run.message(held[1]))["status"] == "held"
    command = ["limits", "status", "--config", str(tmp_path / "config.toml"), "--data", str(tmp_path / "data")]
    told = (await asyncio.to_thread(CliRunner().invoke, cli, command)).output.splitlines()
    assert (told[-3].split(), told[-1].split()[::2]) == (["CHANNEL", "SPENT", "CEILING", "HELD"], ["sms", "0.35"])
    assert told[-1].split()[3] == "1"


async def test_a_text_costs_what_its_segments_do(tmp_path, clock):
    """As it goes out: 161 letters are two. Where there is no ceiling it is counted all the same."""
    async with running(tmp_path, priced(ceiling=None), clock) as run:
        await run.until(await text(run, 1, text="a" * 100), "sent")
        await run.until(await text(run, 2, text="a" * 161), "sent")
        assert await costs(run) == ("0.21", None, False, 0)


async def test_a_higher_ceiling_is_for_those_that_come_after(tmp_path, clock):
    """What is held stays with the person who is asked; a reload with more money lets the next one go."""
    async with running(tmp_path, priced(ceiling="0.10"), clock) as run:
        await run.until(await text(run, 1), "sent")
        held = await text(run, 2)
        await run.until(held, "held")
    async with running(tmp_path, priced(ceiling="0.20"), clock) as run:
        await run.until(await text(run, 3), "sent")
        assert (await run.message(held))["status"] == "held"
        assert await costs(run) == ("0.14", "0.20", False, 1)


async def test_what_nobody_took_costs_nothing(tmp_path, clock):
    """A refused mail is paid back, one that was taken is not, nor one of which nobody knows."""
    peer = Peer(faults={"RCPT": ["550 5.7.1 No", None], "TEXT": [None, None]})
    smtp = 'plugin = "smtp"\nchannel = "email"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nprice = "1"\n'
    async with receiving(peer):
        config = CONFIG.replace('plugin = "outbox"\nchannel = "email"\n', smtp.format(port=peer.port))
        async with running(tmp_path, config, clock) as run:
            await run.until((await run.send(BOOKING | {"to": "ana@example.org"})).json["id"], "failed")
            assert (await run.call("GET", "/communications/limits")).json["costs"][0]["spent"] == "0.00"
            await run.until((await run.send(BOOKING | {"to": "bela@example.org"})).json["id"], "sent")
            assert (await run.call("GET", "/communications/limits")).json["costs"][0]["spent"] == "1.00"


@pytest.mark.parametrize(
    ("variable", "value", "more"),
    [
        ("GATEWAY__PROVIDERS__MAIL__PRICE", "1", '[costs.email]\na_day = "10"\n'),
        ("GATEWAY__SENDER__WARM_UP", '["10/day", "10/day"]', ""),
    ],
    ids=["the ceiling of costs", "a sender's warm-up"],
)
async def test_no_kill_lets_more_leave_than_a_day_allows(tmp_path, monkeypatch, variable, value, more):
    """Killed twice while mails are on their way: of those that arrived, copies counted, there are ten at most."""
    monkeypatch.setenv(variable, value)
    async with looping(tmp_path, more) as loop:
        for start in (0, 12):
            loop.sink.text_came.clear()
            sending = [asyncio.create_task(loop.send(number)) for number in range(start, start + 12)]
            if start == 0:
                await asyncio.wait_for(loop.sink.text_came.wait(), 10)
            else:
                await asyncio.wait(sending, timeout=0.1)
            loop.process.kill()
            await asyncio.to_thread(loop.process.wait)
            await asyncio.gather(*sending)
            await asyncio.to_thread(loop.start)
            await asyncio.gather(*[loop.send(number) for number in range(start, start + 12)])
            async with asyncio.timeout(15):
                while await loop.waiting():  # noqa: ASYNC110 another process
                    await asyncio.sleep(0.05)
        assert 1 < sum(loop.sink.seen.values()) <= 10
        assert len(loop.acknowledged) == 24
