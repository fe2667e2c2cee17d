"""From queued to settled, over a real socket: what the peer says, and what becomes of the message."""

import asyncio
import contextlib
import re
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from gateway.ledger import verify
from gateway.model import FINAL, TRANSITIONS, WAITING, State
from tests.running import BOOKING, CONFIG, NEWS, running
from tests.smtp_peer import DROP, HANG, Peer, receiving
from tests.stories import wrong_turn, wrong_turns

PT = {"email": "ana@example.org", "country": "PT", "timezone": "Europe/Lisbon"}
SMTP = """
[providers.mail]
plugin = "smtp"
channel = "email"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = 2
{more}
[delivery]
retry = ["1s"]
give_up_after = "{give_up}"
"""
OUTBOX = '[providers.mail]\nplugin = "outbox"\nchannel = "email"\n'


@contextlib.asynccontextmanager
async def delivering(folder, peer, more="", give_up="1h"):
    """A gateway whose e-mail goes to this peer."""
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more=more, give_up=give_up)
        async with running(folder, config) as run:
            yield run


async def accepted(run, **change):
    reply = await run.send(BOOKING | {"to": PT} | change)
    assert reply.status == 202, reply.json
    return reply.json["id"]


def message_ids(peer):
    return [re.search(rb"^Message-ID: (\S+)", mail.content, re.MULTILINE | re.IGNORECASE)[1] for mail in peer.mails]


async def test_a_message_arrives_once_and_its_story_is_told(tmp_path):
    """Accepted, sent; the attempt is listed with its provider; the mail has its own Message-ID; the record verifies."""
    peer = Peer()
    async with delivering(tmp_path, peer) as run:
        public = await accepted(run)
        message = await run.until(public, "sent")
    assert [event["type"] for event in message["events"]] == ["accepted", "sent"]
    assert [(one["provider"], one["attempt"], one["outcome"]) for one in message["attempts"]] == [("mail", 1, "sent")]
    assert message["provider"] == "mail"
    assert len(peer.mails) == 1
    assert public.encode() in message_ids(peer)[0]
    assert peer.mails[0].recipient == PT["email"]
    assert verify(run.gateway.data.database).ok


async def test_a_temporary_refusal_is_tried_again(tmp_path):
    """451 after the text: a second attempt by the schedule, and then it is there."""
    peer = Peer(faults={"TEXT": ["451 4.3.0 busy", None]})
    async with delivering(tmp_path, peer) as run:
        message = await run.until(await accepted(run), "sent")
    assert [one["outcome"] for one in message["attempts"]] == ["transient", "sent"]
    assert [one["attempt"] for one in message["attempts"]] == [1, 2]
    assert "deferred" in [event["type"] for event in message["events"]]


async def test_a_refusal_for_good_fails_at_once(tmp_path):
    """554: no second attempt; the same words may be sent again by hand."""
    peer = Peer(faults={"TEXT": ["554 5.6.0 no", None]})
    async with delivering(tmp_path, peer) as run:
        public = await accepted(run)
        message = await run.until(public, "failed")
        assert len(message["attempts"]) == 1
        again = await run.call("POST", f"/communications/messages/{public}/retry")
        assert (await run.until(again.json["id"], "sent"))["retry_of"] == public


async def test_an_address_that_does_not_exist_is_not_written_to_again(tmp_path):
    """550 5.1.1: failed, and every later message to it is refused, whatever its class; others are not."""
    peer = Peer(faults={"RCPT": ["550 5.1.1 nobody here", None]})
    async with delivering(tmp_path, peer) as run:
        await run.until(await accepted(run), "failed")
        reply = await run.send(BOOKING | {"to": PT})
        assert (reply.status, reply.json["compliance"]["reasons"]) == (422, ["CORE-SUP-4"])
        assert (await run.send(BOOKING | {"to": "bela@example.org"})).status == 202


async def test_a_line_cut_after_the_text_is_uncertain_and_sent_again_under_the_same_name(tmp_path):
    """The peer took the mail and never said so: a second copy goes, with the same Message-ID."""
    peer = Peer(faults={"TEXT": [DROP, None]})
    async with delivering(tmp_path, peer) as run:
        message = await run.until(await accepted(run), "sent")
    assert "uncertain" in [event["type"] for event in message["events"]]
    assert len(set(message_ids(peer))) == 1


async def test_what_may_not_be_sent_twice_waits_for_a_person(tmp_path):
    """With `uncertain = "hold"` the message is held, and goes when somebody releases it."""
    peer = Peer(faults={"TEXT": [DROP, None]})
    async with delivering(tmp_path, peer, 'uncertain = "hold"') as run:
        public = await accepted(run)
        message = await run.until(public, "held")
        assert message["hold_reason"] == "uncertain"
        assert (await run.call("POST", f"/communications/messages/{public}/release")).status == 200
        await run.until(public, "sent")


async def test_a_silent_peer_is_given_up_at_the_deadline_and_harms_no_other_channel(tmp_path):
    """One provider hangs; texts go on at once; its own message loses no attempt and arrives."""
    peer = Peer(faults={"MAIL": [HANG, HANG, None, None]})
    async with delivering(tmp_path, peer, 'timeout = "1s"') as run:
        public = await accepted(run)
        text = {"channel": "sms", "to": "+351912345678", "class": "transactional", "text": "At four.",
                "declares": {"contains_promotion": False}}  # fmt: skip
        await run.until((await run.send(text)).json["id"], "sent", seconds=1)
        message = await run.until(public, "sent", seconds=20)
    assert {(one["outcome"], one["attempt"]) for one in message["attempts"]} == {("hung", 1), ("sent", 1)}


async def test_a_peer_that_is_down_costs_no_attempt(tmp_path):
    """While nobody listens the provider is paused and the message waits; when it is back the first attempt counts."""
    peer = Peer()
    async with receiving(peer):
        port = peer.port
    config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=port, more="", give_up="1h")
    async with running(tmp_path, config) as run:
        public = await accepted(run)
        for _ in range(100):
            health = (await run.call("GET", "/health/ready")).json
            if health["providers"]["mail"].startswith("paused"):
                break
            await asyncio.sleep(0.05)
        assert health["providers"]["mail"] == "paused: down"
        assert health["status"] == "ready"
        assert (await run.message(public))["status"] in ("queued", "sending")
        async with receiving(Peer(), port=port) as back:
            message = await run.until(public, "sent", seconds=20)
            assert len(back.mails) == 1
    assert message["attempts"][-1]["attempt"] == 1


async def test_a_spare_provider_takes_over(tmp_path):
    """The first provider refuses for now, the second one of the channel gets the message."""
    first, second = Peer(faults={"TEXT": "451 4.3.0 busy"}), Peer()
    async with receiving(second):
        where = f'host = "127.0.0.1"\nport = {second.port}\ntls = "none"\n'
        spare = f'[providers.spare]\nplugin = "smtp"\nchannel = "email"\n{where}'
        async with delivering(tmp_path, first, spare) as run:
            message = await run.until(await accepted(run), "sent")
    assert message["provider"] == "spare"
    assert len(second.mails) == 1


async def test_too_old_is_failed(tmp_path):
    """When the age limit comes before the next attempt, the message fails and says that we gave up."""
    peer = Peer(faults={"TEXT": "451 4.3.0 busy"})
    async with delivering(tmp_path, peer, give_up="1s") as run:
        message = await run.until(await accepted(run), "failed")
    assert message["events"][-1]["reason"] == "gave_up"


async def test_a_stop_between_acceptance_and_sending_wins(tmp_path):
    """Accepted for later, then the guest says stop: it is judged again and does not leave."""
    peer = Peer()
    async with delivering(tmp_path, peer) as run:
        await run.yes(PT)
        public = (await run.send(NEWS | {"to": PT, "deliver_at": in_a_second()})).json["id"]
        assert (await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PT})).status == 200
        message = await run.until(public, "blocked")
    assert message["compliance"]["reasons"] == ["CORE-SUP-2"]
    assert peer.mails == []


async def test_offers_carry_all_that_the_law_asks_for(tmp_path):
    """Sender, postal address, a link that stops it, and the one-click headers, in the bytes the peer received."""
    peer = Peer()
    async with delivering(tmp_path, peer) as run:
        await run.yes(PT)
        await run.until(
            (await run.send(NEWS | {"to": PT, "html": "<p>The garden <script>x</script>opens.</p>"})).json["id"], "sent"
        )
        mail = peer.mails[-1].content.replace(b"=\r\n", b"").replace(b"=3D", b"=")
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail
        assert b"Quinta das Flores" in mail
        assert b"<script>" not in mail
        path = re.search(rb"List-Unsubscribe:\s+<http://127.0.0.1:\d+(/u/[^>]+)>", mail)[1].decode()
        assert (await run.call("GET", path, headers={"Authorization": None})).status == 200
        assert (await run.send(NEWS | {"to": PT})).status == 202
        body = b"List-Unsubscribe=One-Click"
        form = {"Authorization": None, "Content-Type": "application/x-www-form-urlencoded"}
        assert (await run.call("POST", path, body, headers=form)).status == 200
        assert (await run.send(NEWS | {"to": PT})).json["compliance"]["reasons"][0].startswith("CORE-SUP")


async def test_an_expired_message_does_not_leave(tmp_path, clock):
    """Its time is over before it may go: it ends as expired."""
    async with running(tmp_path, clock=clock) as run:
        public = await accepted(run, deliver_at="2026-11-24T10:00:01Z", expires_at="2026-11-24T10:00:01.500Z")
        clock.forward(2)
        run.gateway.parts.delivery.wake("email", 0)
        assert (await run.until(public, "expired"))["attempts"] == []


async def test_every_story_goes_only_where_the_states_may(tmp_path):
    """Over all faults of one run: each state follows the one before by the table of transitions. An end that does not
    stand in it is found."""
    peer = Peer(faults={"TEXT": ["451 4.3.0 busy", DROP, "554 5.6.0 no", None, None, None]})
    async with delivering(tmp_path, peer) as run:
        for public in [await accepted(run) for _ in range(4)]:
            await run.until(public, "sent", "failed")
        assert wrong_turns(run.gateway.db.reader) == []
        await run.gateway.db.write(lambda tx, items: [tx.execute("UPDATE messages SET state = 'queued'")])
        assert sorted(wrong_turns(run.gateway.db.reader)) == ["failed -> queued"] + ["sent -> queued"] * 3
        await run.gateway.db.write(lambda tx, items: [tx.execute(AS_TOLD)])


AS_TOLD = (
    "UPDATE messages SET state = (SELECT type FROM events WHERE message_id = messages.id ORDER BY id DESC LIMIT 1)"
)


@pytest.mark.parametrize(
    ("story", "wrong"),
    [
        ("accepted sent*", None),
        ("blocked", None),
        ("accepted deferred* uncertain* sent*", None),
        ("accepted held released sent*", None),
        ("accepted cancelled", None),
        ("accepted blocked", None),
        ("accepted uncertain* sent", None),  # somebody else says so
        ("accepted sent", "deferred or held or queued -> sent"),
        ("accepted sent* queued", "sent -> queued"),
        ("accepted cancelled sent*", "cancelled -> sent"),
        ("accepted failed* failed*", "failed -> failed"),
        ("accepted sent* blocked", "sent -> blocked"),
        ("accepted held sent*", "held -> sent"),
        ("accepted delivered", "deferred or held or queued -> delivered"),
        ("sent*", "sent -> sent"),
    ],
)
def test_a_wrong_turn_in_a_story_is_seen(story, wrong):
    """What the table does not allow is named, and nothing else; a star marks an attempt."""
    events = [(step.rstrip("*"), step.endswith("*")) for step in story.split()]
    assert wrong_turn(events, events[-1][0]) == wrong


def test_the_table_of_transitions_is_closed():
    """Every state has its row, leads to known states only, and ends nowhere but in a final one."""
    states = set(get_args(State))
    assert set(TRANSITIONS) == states | {None}
    assert set().union(*TRANSITIONS.values()) == states
    assert {state for state in states if not TRANSITIONS[state]} == FINAL - {"delivered"}
    assert {state for state in states if "sending" in TRANSITIONS[state]} < WAITING


async def test_words_of_a_provider_are_sealed(tmp_path):
    """What the peer says may name the guest: it is in no clear byte of the store, no log, no answer."""
    peer = Peer(faults={"TEXT": ["554 5.6.0 Ana Canary is gone", None]})
    async with delivering(tmp_path, peer) as run:
        public = await accepted(run)
        await run.until(public, "failed")
        story = (await run.call("GET", f"/communications/messages/{public}")).raw
    raw = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("gateway.db*"))
    assert b"5.6.0" in raw
    assert b"Canary" not in raw
    assert b"Canary" not in story
    assert "Canary" not in run.log_text.getvalue()


def in_a_second():
    """A time a moment from now."""
    return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()


@pytest.mark.parametrize("count", [60])
async def test_many_go_out_each_exactly_once(tmp_path, count):
    """Sixty messages over two connections: all arrive, none twice."""
    peer = Peer()
    async with delivering(tmp_path, peer) as run:
        ids = [await accepted(run) for _ in range(count)]
        for public in ids:
            await run.until(public, "sent")
    assert len(message_ids(peer)) == len(set(message_ids(peer))) == count
