"""The copy of what is held about a guest: everything about him, nobody else, for people, programs and spreadsheets."""

import csv
import io
import json
import re
import zipfile

import pytest

from tests.people import person
from tests.running import BOOKING, YES, running
from tests.test_data_requests import REQUESTS, act, guest, letters, now, proven

SHARED, PHONE, BENS_PHONE = "duarte@example.org", "+351912345678", "+351961112233"
BOTH = {"name": "Ana Duarte", "contacts": [{"kind": "email", "address": SHARED}, {"kind": "phone", "address": PHONE}],
        "source": "the couple's list; her husband Ben  Canary, ben.canary@example.org", "tags": ["vip"]}  # fmt: skip


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver, with Ana, and with Ben, who shares an address with her."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        run.ana = await guest(run, SHARED, **BOTH)
        own = [{"kind": "email", "address": SHARED}, {"kind": "phone", "address": BENS_PHONE}]
        run.ben = await guest(run, SHARED, name="Ben Canary", contacts=own, source="canary source")
        yield run


async def unpacked(run, request):
    """The files of a copy, by name."""
    reply = await run.call("GET", f"{REQUESTS}/{request['id']}/export")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/zip"), reply.raw
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{request["id"]}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(reply.raw))
    assert archive.testzip() is None
    return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def section(files, name):
    return next(one for one in json.loads(files["data.json"])["sections"] if one["name"] == name)["items"]


async def to(run, public, text, **more):
    reply = await run.send(BOOKING | {"to": {"guest_id": public}, "text": text} | more)
    assert reply.status == 202, reply.json
    return reply.json["id"]


async def test_everything_about_the_guest_is_in_it(run):
    """Profile, contacts, consents with proof, stops, messages with their words, recipients, requests, the record, how
    long it is kept: in the page, in JSON, and in tables."""
    sent = await to(run, run.ana, "See you on Friday, Ana.", metadata={"table": "seven"})
    many = BOOKING | {"text": "Room {{ room }}", "recipients": [
        {"to": {"guest_id": run.ana}, "variables": {"room": "aurora"}},
        {"to": {"guest_id": run.ben}, "variables": {"room": "canaryroom"}},
    ]}  # fmt: skip
    await run.call("POST", "/communications/messages/bulk", many, headers={"Idempotency-Key": "one"})
    yes = {"guest": PHONE, "channels": ["sms"]} | YES | {"proof_ref": "card 17"}
    await run.call("POST", "/communications/compliance/consent", yes)
    await run.call("POST", "/communications/compliance/unsubscribe", {"guest": PHONE})
    request = await proven(run, whom={"guest_id": run.ana})
    files = await unpacked(run, request)
    assert set(files) == {"index.html", "data.json", "cuts.csv", *(
        f"{name}.csv" for name in ("profile", "contacts", "consents", "asks", "stops", "messages", "recipients",
                                   "replies", "requests", "complaints", "record"))}  # fmt: skip
    (profile,) = section(files, "profile")
    assert (profile["id"], profile["name"], profile["tags"]) == (run.ana, "Ana Duarte", ["vip"])
    assert [one["address"] for one in section(files, "contacts")] == [SHARED, PHONE]
    assert [(one["action"], one["proof"], one["at"]) for one in section(files, "consents")] == [
        ("grant", "card 17", "2026-11-24T10:00:00Z")
    ]
    assert [one["channels"] for one in section(files, "stops")] == [["sms"]]
    first, second, asked = section(files, "messages")
    assert (first["id"], first["text"], first["to"]) == (sent, "See you on Friday, Ana.", SHARED)
    assert first["metadata"] == {"table": "seven"} and first["events"][0]["type"] == "accepted"
    assert second["text"] == "Room aurora" and asked["category"] == "privacy"
    assert [one["number"] for one in section(files, "requests")] == ["R-1"]
    done = [one["action"] for one in section(files, "record")]
    assert {"guest.created", "message.accepted", "consent.grant", "suppression.added", "data_request.opened"} <= {*done}
    assert json.loads(files["data.json"])["retention"]["bodies"] == "12 months"
    for text in ("Ana Duarte", SHARED, PHONE, "See you on Friday, Ana.", "Room aurora", "card 17"):
        assert text in files["index.html"], text
    rows = list(csv.DictReader(io.StringIO(files["messages.csv"])))
    assert [row["text"] for row in rows][:2] == ["See you on Friday, Ana.", "Room aurora"]


async def test_nobody_else_is_in_it(run):
    """Not he who shares an address with her, nor who works here, wherever their names and addresses stand; what was
    taken out is listed with its place, and counted in the request. Her own is all there."""
    await person(run, "coordinator", "canary.staff@quinta.example")
    users = (await run.local("GET", "/communications/users")).json["items"]
    assert users[0]["name"] == "Coordinator"
    await run.local("PATCH", f"/communications/users/{users[0]['id']}", {"name": "Carla Canary"})
    text = f"Dear Ana and ben canary, call +351 219 000 000, not {BENS_PHONE} or {PHONE}. Carla Canary"
    mine = await to(run, run.ana, text, metadata={"note": "Ben Canary pays; canary@example.org", "who": "Ana"})
    await to(run, run.ben, "canary: a surprise for Ana Duarte")
    await proven(run, whom={"guest_id": run.ben}, note="canary note")
    request = await proven(run, whom={"guest_id": run.ana}, note="canary of the house")
    files = await unpacked(run, request)
    assert [name for name, content in files.items() if "canary" in content.lower()] == []
    assert not [name for name, content in files.items() if run.ben in content or BENS_PHONE in content]
    (message,) = [one for one in section(files, "messages") if one["id"] == mine]
    assert message["text"] == f"Dear Ana and […], call +351 219 000 000, not […] or {PHONE}. […]"
    assert message["metadata"] == {"note": "[…] pays; […]", "who": "Ana"}
    assert section(files, "profile")[0]["source"] == "the couple's list; her husband […], […]"
    assert {one["by"] for one in section(files, "record")} <= {"staff", "program", "gateway", "guest"}
    cuts = json.loads(files["data.json"])["cuts"]
    assert {"where": f"messages/{mine}/text", "why": "address_of_another", "count": 1} in cuts
    assert {"where": f"messages/{mine}/text", "why": "name_of_another", "count": 2} in cuts
    exported = (await now(run, request))["events"][-1]
    assert exported["type"] == "exported"
    assert exported["cuts"] == {"address_of_another": 3, "name_of_another": 4}


async def test_words_can_be_taken_out_by_hand(run):
    """What no program can know to be about somebody else; the words themselves are kept sealed."""
    await to(run, run.ana, "Your mother-in-law Zelda pays.")
    request = await proven(run, whom={"guest_id": run.ana})
    assert "Zelda" in section(await unpacked(run, request), "messages")[0]["text"]
    assert (await act(run, request, "redact", {"words": ["zelda", "mother-in-law"]})).status == 200
    assert section(await unpacked(run, request), "messages")[0]["text"] == "Your […] […] pays."
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"zelda" not in files.lower()


async def test_a_portable_copy_has_what_the_guest_gave(run):
    """GDPR art. 20: who he is, how he is reached, what he agreed to; none of what the house made of it. In the copy
    after art. 15 the same is marked."""
    await to(run, run.ana, "See you on Friday.")
    files = await unpacked(run, await proven(run, "portability", {"guest_id": run.ana}))
    assert {name for name in files if name.endswith(".csv")} == {"profile.csv", "contacts.csv", "consents.csv"}
    assert section(files, "profile")[0].keys() == {"id", "name", "country", "region", "timezone", "language", "tags"}
    assert "Friday" not in "".join(files.values())
    whole = json.loads((await unpacked(run, await proven(run, whom={"guest_id": run.ana})))["data.json"])
    assert [one["name"] for one in whole["sections"] if one["art_20"]] == ["profile", "contacts", "consents"]


async def test_nothing_in_it_acts(run):
    """The page shows what was written and runs none of it; a spreadsheet computes nothing. It speaks the guest's
    language."""
    await run.call("PATCH", f"/communications/guests/{run.ana}", {"name": '=1+1<script>"&', "language": "fr"})
    await to(run, run.ana, "x", html="<p onclick='x'>Bonjour</p>")
    files = await unpacked(run, await proven(run, whom={"guest_id": run.ana}))
    assert "<script" not in files["index.html"] and "=1+1&lt;script&gt;" in files["index.html"]
    assert '<html lang="fr">' in files["index.html"] and "Qui vous êtes" in files["index.html"]
    for words in ("<td>votre réservation</td>", "<td>une copie de toutes les données</td>", "<td>ouvert</td>"):
        assert words in files["index.html"], words
    assert "transactional" not in files["index.html"] and '"class":"transactional"' in files["data.json"]
    assert "onclick" not in files["index.html"] and "://" not in files["index.html"].replace("http://127.0.0.1", "")
    assert next(csv.DictReader(io.StringIO(files["profile.csv"])))["name"] == "'=1+1<script>\"&"


async def test_a_copy_is_for_whom_one_made_sure_of(run):
    """Not before the proof, not for another wish, not once there is nobody any more; and only with the scope."""
    request = (await run.call("POST", REQUESTS, {"guest": {"guest_id": run.ana}, "kind": "access",
                                                 "received_via": "letter"})).json  # fmt: skip
    other = await proven(run, "rectification", {"guest_id": run.ana})
    for one in (request, other):
        assert (await run.call("GET", f"{REQUESTS}/{one['id']}/export")).status == 409
    assert (await act(run, other, "redact", {"words": ["Zelda"]})).status == 409
    done = await proven(run, whom={"guest_id": run.ana})
    blind = {"Authorization": f"Bearer {await run.draw('read', 'read.content', 'guests')}"}
    assert (await run.call("GET", f"{REQUESTS}/{done['id']}/export", headers=blind)).status == 403
    assert await unpacked(run, done)
    nobody = await proven(run, whom="eve@example.org")
    assert (await run.call("GET", f"{REQUESTS}/{nobody['id']}/export")).status == 409


async def test_a_long_story_is_written_in_slices(run):
    """More messages than are read at once are all there, in order, and once."""
    many = BOOKING | {"text": "Line {{ n }}.", "recipients": [
        {"to": f"g{n}@example.org", "variables": {"n": n}} for n in range(250)
    ]}  # fmt: skip
    await run.call("POST", "/communications/messages/bulk", many, headers={"Idempotency-Key": "one"})

    def all_to_ana(tx):
        tx.execute("UPDATE messages SET guest_id = (SELECT id FROM guests WHERE id = ?), content_sealed = NULL", (1,))

    await run.gateway.db.do(all_to_ana)
    files = await unpacked(run, await proven(run, whom={"guest_id": run.ana}))
    rows = list(csv.DictReader(io.StringIO(files["messages.csv"])))
    listed = [one["id"] for one in section(files, "messages")]
    assert len(listed) == len(set(listed)) == len(rows) >= 250 and listed == [row["id"] for row in rows]
    assert len(re.findall("<th>Topic</th><td>booking</td>", files["index.html"])) == 250


async def test_the_guest_is_sent_where_the_copy_is(run):
    """A letter with a link and a code, to an address that is his alone; none where there is no such address."""
    request = await proven(run, whom={"guest_id": run.ana})
    assert (await act(run, request, "complete", {"note": "looked through"})).json["status"] == "done"
    letter = (await letters(run))[0]
    assert letter["to"] == PHONE and "copy is ready" in letter["text"] and "/proof" in letter["text"]
    assert await unpacked(run, request)
    assert (await act(run, request, "verify", {"method": "send"})).status == 200
    assert len(await letters(run)) == 3
