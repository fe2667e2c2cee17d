"""The record over HTTP and on the command line: who did what, proofs of it, checkpoints kept outside, reports."""

import asyncio
import csv
import io
from datetime import UTC, datetime

import pytest
from msgspec import json
from standardwebhooks import Webhook

from gateway import metrics
from gateway.ledger import verify, verify_proof
from gateway.record.period import period
from gateway.webhooks.target import draw
from tests.people import person
from tests.running import BOOKING, CONFIG, running
from tests.webhook_peer import NAME, Ear, leading, listening

AUDIT = "/communications/audit"
ORDER = BOOKING | {"to": "ana@example.org"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def entries(run, query=""):
    reply = await run.call("GET", f"{AUDIT}{query}")
    assert reply.status == 200, reply.json
    return reply.json["items"]


def key_of(run):
    return run.gateway.record.key


# -- looking -----------------------------------------------------------------------------------------------------------


async def test_the_record_is_read_newest_first_page_by_page_and_narrowed(run, clock):
    """Actor, action, a family of actions, object, and a time with a zone; each with something it leaves out."""
    first = (await run.send(ORDER)).json["id"]
    clock.forward(3600.5)
    await run.send(ORDER)
    items = await entries(run)
    assert [one["seq"] for one in items] == list(range(len(items), 0, -1))
    assert items[-1]["prev"] == "0" * 64
    page = (await run.call("GET", f"{AUDIT}?limit=2")).json
    rest = (await run.call("GET", f"{AUDIT}?limit=200&cursor={page['next_cursor']}")).json
    assert page["items"] + rest["items"] == items and rest["next_cursor"] is None
    assert {one["action"] for one in await entries(run, "?action=message")} == {"message.accepted"}
    assert {one["action"] for one in await entries(run, "?action=apikey.created")} == {"apikey.created"}
    assert [one["object"] for one in await entries(run, f"?object={first}")] == [first]
    assert {one["actor"] for one in await entries(run, "?actor=local:0")} == {"local:0"}
    late = await entries(run, "?from=2026-11-24T11:00:00.5Z&action=message")
    assert [one["ts"] for one in late] == ["2026-11-24T11:00:00.500Z"]
    assert await entries(run, "?from=2026-11-24T12:00:00.501%2B01:00&action=message") == []
    early = await entries(run, "?to=2026-11-24T11:00:00.5Z&action=message")
    assert [one["object"] for one in early] == [first]
    assert await entries(run, "?to=2026-11-24T10:00:00Z") == []
    assert (await run.call("GET", f"{AUDIT}?action=Message")).status == 422


async def test_the_newest_checkpoint_is_there_at_once_and_verifies(run, tmp_path):
    """Even before one was due; later ones replace it. It is what `--checkpoint` takes."""
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    assert kept["key"] == key_of(run)
    again = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    assert again == kept
    await run.send(ORDER)
    await run.gateway.record.checkpoint()
    newer = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    assert newer["size"] > kept["size"]
    both = b"\n".join(map(json.encode, (kept, newer)))
    report = verify(tmp_path / "data/gateway.db", both, key_of(run))
    assert (report.ok, report.signed) == (True, newer["size"])
    forged = json.encode(kept | {"checkpoint": kept["checkpoint"].replace("\n", "\n\n", 1)})
    assert not verify(tmp_path / "data/gateway.db", forged, key_of(run)).ok
    assert not verify(tmp_path / "data/gateway.db", b"{not json", key_of(run)).ok


async def test_only_the_scope_audit_looks_and_proves(run):
    """Reading is not enough, audit alone is."""
    for name, status in (("read", 403), ("audit", 200)):
        bearer = {"Authorization": f"Bearer {await run.draw(name)}"}
        for method, path, body in (
            ("GET", AUDIT, None), ("GET", f"{AUDIT}/checkpoint", None), ("POST", f"{AUDIT}/proof", {"seq": 1}),
        ):  # fmt: skip
            assert (await run.call(method, path, body, headers=bearer)).status == status


# -- proving -----------------------------------------------------------------------------------------------------------


async def test_an_entry_is_proven_under_a_checkpoint_that_was_kept(run):
    """With the one kept outside, or a fresh one; nothing but the public key is needed to believe it."""
    await run.send(ORDER)
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    await run.send(ORDER)
    for order in ({"seq": 1}, {"seq": 2, "checkpoint": kept["checkpoint"]}):
        proof = await run.call("POST", f"{AUDIT}/proof", order)
        report = verify_proof(proof.raw, key_of(run))
        assert (proof.status, report.ok, report.unpinned) == (200, True, False)
        assert proof.json["entries"][0]["seq"] == order["seq"]
    assert report.size == kept["size"]


async def test_growth_since_a_checkpoint_is_proven(run):
    """From the kept one to a fresh one, and to itself."""
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    for _ in range(3):
        await run.send(ORDER)
    proof = await run.call("POST", f"{AUDIT}/proof", {"from": kept["checkpoint"]})
    report = verify_proof(proof.raw, key_of(run))
    assert (report.ok, report.size > kept["size"]) == (True, True)
    same = await run.call("POST", f"{AUDIT}/proof", {"from": kept["checkpoint"], "checkpoint": kept["checkpoint"]})
    assert verify_proof(same.raw, key_of(run)).ok


async def test_what_cannot_be_proven_is_refused_with_the_reason(run):
    """Both or neither, an entry beyond the checkpoint, a checkpoint that is none or too new for the other."""
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    old = kept["checkpoint"]
    await run.send(ORDER)
    new = (await run.local("POST", "/local/audit/checkpoint")).json["checkpoint"]
    for order, pointer in (
        ({}, "/seq"), ({"seq": 1, "from": old}, "/seq"), ({"seq": kept["size"] + 1, "checkpoint": old}, "/seq"),
        ({"seq": 1, "checkpoint": "x"}, "/checkpoint"), ({"from": old.replace("10:00", "11:00")}, "/from"),
        ({"from": new, "checkpoint": old}, "/from"),
    ):  # fmt: skip
        reply = await run.call("POST", f"{AUDIT}/proof", order)
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)


async def test_another_record_proves_nothing_of_a_kept_checkpoint(run):
    """After somebody has written into the file: 409, and where to look; before that, a proof."""
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json["checkpoint"]
    order = {"seq": 1, "checkpoint": kept}
    assert (await run.call("POST", f"{AUDIT}/proof", order)).status == 200
    await run.gateway.db.do(lambda tx: tx.execute("UPDATE audit SET entry = x'00' WHERE seq = 1"))
    for asked in (order, {"from": kept}):
        reply = await run.call("POST", f"{AUDIT}/proof", asked)
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (409, "conflict")


# -- outside -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def ear(tmp_path, monkeypatch):
    leading(monkeypatch, {NAME: "127.0.0.1"})
    async with listening(Ear(), tmp_path) as ear:
        yield ear


async def test_every_place_outside_has_the_newest_checkpoint_and_a_lag_is_seen(tmp_path, clock, ear):
    """A file, a program that is down at first, a mailbox once a day; the metric tells for how long one is owed."""
    secret = draw()
    (tmp_path / "secret").write_text(secret)
    table = (
        f'\n[audit]\nfile = "{tmp_path}/kept.jsonl"\nwebhook = "https://{NAME}:{ear.port}/kept"\n'
        f'webhook_secret_file = "{tmp_path}/secret"\nemail = "auditor@example.org"\n'
    )
    (tmp_path / "kept.jsonl").write_text('{"cut short by a crash')
    ear.answers = [500, 204]
    async with running(tmp_path, CONFIG + table, clock) as run:
        outside = run.gateway.outside
        await run.gateway.record.checkpoint()
        await outside.bring()
        clock.forward(60)
        outside.measure()
        assert behind(run, "webhook") == 60 and behind(run, "file") == 0
        await outside.bring()
        assert len(ear.heard) == 2
        outside.measure()
        assert behind(run, "webhook") == 0
        assert {one.id for one in ear.heard} == {f"checkpoint_{ear.heard[0].event['data']['size']}"}
        for heard in ear.heard:
            assert (
                Webhook(secret).sign(heard.id, stamp(heard), heard.body.decode())
                == (heard.headers["webhook-signature"])
            )
        first = await mailed(run)
        assert "guest-gateway audit checkpoint" in first and "auditor@example.org" in first
        clock.forward(3600)
        await run.gateway.record.checkpoint()
        await outside.bring()
        assert len(run.mails()) == 1 and len(ear.heard) == 3
        clock.forward(86_400)
        await run.gateway.record.checkpoint()
        await outside.bring()
        mails = (await run.call("GET", "/communications/messages?category=audit&class=legal")).json["items"]
        assert len(mails) == 2
        lines = (tmp_path / "kept.jsonl").read_bytes().splitlines()[1:]
        assert json.decode(lines[0]) == ear.heard[0].event["data"]
        key = key_of(run)
    lines = (tmp_path / "kept.jsonl").read_bytes().splitlines()[1:]
    report = verify(tmp_path / "data/gateway.db", b"\n".join(lines), key)
    assert (report.ok, report.signed) == (True, report.size), "the last one is signed when the gateway stops"


def behind(run, place):
    return metrics.REGISTRY.get_sample_value("gateway_audit_outside_behind_seconds", {"place": place})


def stamp(heard):
    return datetime.fromtimestamp(int(heard.headers["webhook-timestamp"]), UTC)


async def mailed(run):
    """The first mail."""
    for _ in range(500):
        if mails := run.mails():
            return mails[0].decode()
        await asyncio.sleep(0.02)
    raise AssertionError("no mail")


# -- reports -----------------------------------------------------------------------------------------------------------


async def test_a_report_lists_privileged_acts_counts_the_rest_and_is_its_own_proof(run, clock):
    """Who did what with proofs, how often the rest happened, who the two people were; nothing of another period."""
    clock.forward(-40 * 86_400)
    await run.draw("read")
    clock.forward(40 * 86_400)
    someone, other = await person(run, "owner"), await person(run, "privacy")
    await run.send(ORDER)
    stop = await run.call("POST", "/communications/suppressions",
                          {"guest": {"email": "ana@example.org"}, "source": "complaint"})  # fmt: skip
    lift = f"suppressions/{stop.json['id']}/lift"
    assert (await someone.call("POST", lift, {"reason": "A mistake."})).status == 202
    assert (await other.call("POST", lift, {"reason": "Agreed."})).status == 200
    reply = await run.local("GET", "/local/audit/report?period=2026-11")
    report = verify_proof(reply.raw, key_of(run))
    assert (reply.status, report.ok, report.reason) == (200, True, None)
    told = reply.json
    assert told["period"] == {"name": "2026-11", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z",
                              "timezone": "Europe/Lisbon"}  # fmt: skip
    assert told["counts"]["message.accepted"] == 1
    assert {one["group"] for one in told["entries"]} >= {"user", "apikey", "session", "suppression", "audit"}
    assert not {"message", "guest"} & {one["group"] for one in told["entries"]}
    (pair,) = told["two_people"]
    assert (pair["action"], pair["object"], pair["two_people"]) == ("suppression.lifted", stop.json["id"], True)
    assert pair["asked_by"] != pair["done_by"]
    assert all(one["ts"] >= "2026-11" and one["seq"] >= told["first_seq"] for one in told["entries"])
    october = (await run.local("GET", "/local/audit/report?period=2026-10-01..2026-10-31")).json
    assert [one["action"] for one in october["entries"]] == ["clock.set_back", "apikey.created"]
    empty = (await run.local("GET", "/local/audit/report?period=2020")).json
    assert (empty["entries"], empty["first_seq"], empty["counts"]) == ([], None, {})


async def test_a_table_begins_with_its_checkpoint(run):
    """For a spreadsheet: the same acts, and size, time, key, root and signature in the first line."""
    await person(run, "owner")
    reply = await run.local("GET", "/local/audit/report?period=2026-Q4&format=csv")
    rows = list(csv.DictReader(io.StringIO(reply.raw.decode("utf-8-sig"))))
    kept = (await run.call("GET", f"{AUDIT}/checkpoint")).json
    assert (rows[0]["group"], rows[0]["seq"], rows[0]["object"]) == ("checkpoint", str(kept["size"]), kept["root"][:64])
    known = {str(one["seq"]): one for one in await entries(run)}
    for row in rows[1:]:
        assert (row["actor"], row["action"]) == (known[row["seq"]]["actor"], known[row["seq"]]["action"])


@pytest.mark.parametrize(
    ("name", "days"),
    [("2026", 365), ("2024", 366), ("2026-Q1", 90), ("2026-Q4", 92), ("2026-12", 31), ("2026-01-31..2026-02-01", 2)],
)
def test_a_period_is_whole_days(name, days):
    """From midnight to midnight of the venue's zone, change of the hour or not."""
    found = period(name, "Etc/UTC")
    assert found.end - found.begin == days * 86_400_000
    assert abs(period(name, "Europe/Lisbon").begin - found.begin) in (0, 3_600_000)


@pytest.mark.parametrize("name", ["", "2026-Q5", "2026-13", "2026-1", "9999", "2026-02-01..2026-01-31",
                                  "2026-02-30..2026-03-01", "0000", "last week"])  # fmt: skip
async def test_what_is_no_period_is_refused(run, name):
    """422 at `?period`, with what one looks like."""
    reply = await run.local("GET", f"/local/audit/report?period={name}")
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "?period")
