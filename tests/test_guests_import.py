"""Lists of guests: whatever a spreadsheet writes is read, told line by line, and stored as a whole or not at all."""

import asyncio
import csv
import gzip
import io
import sqlite3
import subprocess

import aiohttp
import pytest

from tests.faults.loop import PROGRAM, looping
from tests.running import NEWS, YES, running

GUESTS = "/communications/guests"
IMPORT = f"{GUESTS}/import"
TABLE = {"Content-Type": "text/csv"}
TWO = "name,email,phone,country,tags\r\nAna,ana@example.org,,PT,vip\r\nBen,,+351912345678,,\r\n"
ZOE = "name;email;source\r\nZoë Müller;zoe@example.org;côté marié\r\n"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def load(run, text, query="", **headers):
    """Send a list in; the reply."""
    raw = text if isinstance(text, bytes) else text.encode()
    return await run.call("POST", f"{IMPORT}{query}", data=io.BytesIO(raw), headers=TABLE | headers)


async def told(run, text, query="?dry_run=true", **headers):
    """What is said of the lines of a list, as (line, code, column)."""
    reply = await load(run, text, query, **headers)
    assert reply.status == 200, reply.json
    return [(one["line"], one["code"], one["column"]) for one in reply.json["lines"]]


async def people(run):
    """Everyone, by name: (addresses, country, tags, source)."""
    items = (await run.call("GET", f"{GUESTS}?include=content&limit=200")).json["items"]
    return {
        one["content"]["name"]: (
            [contact["address"] for contact in one["content"]["contacts"]],
            one["country"],
            one["tags"],
            one["content"]["source"],
        )
        for one in items
    }


# -- what is read ----------------------------------------------------------------------------------------------------


async def test_a_list_is_stored(run):
    """Every line a guest, with its own columns; the report says what was made of the file."""
    reply = await load(run, TWO)
    assert reply.status == 200
    assert reply.json.pop("id").startswith("imp_")
    assert reply.json == {
        "encoding": "utf-8", "guessed": True, "delimiter": ",", "ignored_columns": [], "mode": "all", "dry_run": False,
        "columns": {"name": 1, "email": 2, "phone": 3, "country": 4, "tags": 5}, "rows": 2, "faulty": 0, "lines": [],
        "lines_left_out": 0, "stored": True, "created": 2, "filled": 0, "unchanged": 0, "duplicates": 0,
        "consents": {"told": 0, "counting": 0, "missing": {}},
    }  # fmt: skip
    assert await people(run) == {
        "Ana": (["ana@example.org"], "PT", ["vip"], None),
        "Ben": (["+351912345678"], None, [], None),
    }


@pytest.mark.parametrize(
    ("codec", "charset", "encoding", "guessed"),
    [
        ("utf-8", None, "utf-8", True),
        ("utf-8-sig", None, "utf-8", False),
        ("utf-16", None, "utf-16", False),
        ("utf-16-le", None, "utf-16", True),
        ("utf-16-be", None, "utf-16", True),
        ("utf-16-be", "utf-16be", "utf-16", False),
        ("latin-1", None, "windows-1252", True),
        ("latin-1", "iso-8859-1", "windows-1252", False),
        ("cp1252", "Windows-1252", "windows-1252", False),
        ("utf-8", "utf-8", "utf-8", False),
    ],
)
async def test_a_list_is_read_in_its_encoding(run, codec, charset, encoding, guessed):
    """Marked, said or guessed, and the report says which; no letter is lost."""
    header = {"Content-Type": f"text/csv; charset={charset}"} if charset else {}
    reply = await load(run, ZOE.encode(codec), **header)
    assert (reply.json["encoding"], reply.json["guessed"], reply.json["delimiter"]) == (encoding, guessed, ";")
    assert await people(run) == {"Zoë Müller": (["zoe@example.org"], None, [], "côté marié")}


@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"", {}, 422, "no-header"),
        (b"\n\n", {}, 422, "no-header"),
        (b"name,country\nAna,PT\n", {}, 422, "no-address-column"),
        (b"email,e-mail\na@example.org,b@example.org\n", {}, 422, "column-twice"),
        (b"email,name\na@example.org,\x81\n", {}, 422, "encoding"),
        (b"email\n\xff\xfe\n", {"Content-Type": "text/csv; charset=utf-8"}, 422, "encoding"),
        (b"email\na@example.org\n", {"Content-Type": "text/csv; charset=koi8-r"}, 415, None),
        (b"email\na@example.org\n", {"Content-Type": "application/json"}, 415, None),
        (gzip.compress(b"email\na@example.org\n", mtime=0), {"Content-Encoding": "gzip"}, 415, None),
        (b"email" + b"," * 100 + b"\n", {}, 413, None),
        (b"email" + b"," * 50_000 + b"\n", {}, 413, None),
        (b"email\n" + b"x" * (1 << 21), {}, 413, None),
        (b"x" * ((32 << 20) + 1), {}, 413, None),
    ],
)  # fmt: skip
async def test_what_is_no_list_is_refused_as_a_whole(run, raw, headers, status, code):
    """With what is wrong with it, and nothing stored; a good one passes through the same door."""
    reply = await load(run, raw, **headers)
    assert reply.status == status
    assert code is None or reply.json["errors"][0]["code"] == code
    assert (await load(run, TWO)).json["created"] == 2


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("Ana,nobody,,,,", [("bad-email", "email")]),
        ("Ana,,0912,,,", [("bad-phone", "phone")]),
        ("Ana,a@b.example;nobody,12,Portugal,Mars,", [("bad-email", "email"), ("bad-phone", "phone"),
                                                      ("bad-timezone", "timezone"), ("bad-country", "country")]),
        ("Ana,,,,,", [("no-address", None)]),
        ("Ana,a@b.example,,,,Bride & Groom", [("bad-tags", "tags")]),
        ("A\x00na,a@b.example,,,,", [("control-character", "name")]),
        ('"A\nna",a@b.example,,,,', [("control-character", "name")]),
        ("Ana,a@b.example", [("unreadable", None)]),
        ("Ana,a@b.example,,,,,,", [("unreadable", None)]),
        ('"Ana"x,a@b.example,,,,', [("unreadable", None)]),
        (f"{'x' * 140_000},a@b.example,,,,", [("unreadable", None)]),
        (f"{'x' * 201},a@b.example,,,,", [("bad-name", "name")]),
        (f"Ana,{';'.join(f'g{number}@example.org' for number in range(21))},,,,", [("too-many-addresses", None)]),
    ],
)  # fmt: skip
async def test_a_line_that_cannot_be_used_is_named(run, line, faults):
    """By its number, with a code and the column, never with what it says; the lines around it are not at fault."""
    text = f'name,email,phone,country,timezone,tags\n"Bo\u00e9",b@example.org,,pt,,VIP\n\n{line}\n,c@example.org,,,,\n'
    assert await told(run, text) == [(4, *fault) for fault in faults]
    refused = await load(run, text)
    assert (refused.status, refused.json["report"]["stored"], refused.json["report"]["faulty"]) == (422, False, 1)
    assert await people(run) == {}
    partial = await load(run, text, "?mode=partial")
    assert (partial.status, partial.json["created"], partial.json["faulty"]) == (200, 2, 1)
    assert (await people(run))["Boé"] == (["b@example.org"], "PT", ["vip"], None)
    assert b"nobody" not in refused.raw + partial.raw


async def test_a_quote_that_is_never_closed_spoils_its_line_only(run):
    """What follows is read on from the next line that can be."""
    text = 'email,name\na@example.org,"never\n' + "".join(f"g{number}@example.org,x\n" for number in range(9000))
    reply = await load(run, text, "?dry_run=true")
    assert reply.json["faulty"] >= 1
    assert reply.json["created"] > 0


async def test_columns_may_be_called_otherwise(run):
    """By a name given in the query; what is no column of ours is passed over and said, by its place only."""
    text = "Gast,Kontakt,Tisch,consent\nAna,ana@example.org,7,yes\n"
    assert (await load(run, text)).status == 422
    reply = await load(run, text, "?name=gast&email=Kontakt")
    assert (reply.json["columns"], reply.json["ignored_columns"]) == ({"name": 1, "email": 2}, [3, 4])
    assert list(await people(run)) == ["Ana"]
    for query, pointer in {
        "?email=Adresse": "?email", "?mode=some": "?mode", "?dry_run=maybe": "?dry_run", "?table=7": "?table",
    }.items():  # fmt: skip
        refused = await load(run, text, query)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)


async def test_no_column_makes_a_consent(run):
    """Whatever a list claims: advertising is refused as before, and allowed once the guest himself said so."""
    claims = "consent,opt_in,status,kind,granted_at,proof_ref,source,wording_version"
    given = "yes,true,active,express,2026-01-01T00:00:00Z,form 17,web_form,2026-01"
    assert (await load(run, f"email,country,{claims}\nana@example.org,PT,{given}\n")).json["created"] == 1
    order = NEWS | {"to": "ana@example.org"}
    assert (await run.send(order)).status == 422
    assert (await run.call("POST", "/communications/compliance/consent", {"guest": "ana@example.org"} | YES)).json[
        "counts"
    ]
    assert (await run.send(order)).status == 202


# -- who is who ------------------------------------------------------------------------------------------------------


async def test_a_line_about_somebody_known_fills_gaps_and_overwrites_nothing(run):
    """What the guest has stays; country, tags and a second address are added. The same list again changes nothing."""
    await load(run, TWO)
    text = "email,phone,name,country,tags,source\nana@example.org,+351933333333,Anna,ES,bride VIP bride,her mother\n"
    reply = await load(run, text)
    assert [reply.json[name] for name in ("created", "filled", "unchanged")] == [0, 1, 0]
    ana = (["ana@example.org", "+351933333333"], "PT", ["bride", "vip"], "her mother")
    assert (await people(run))["Ana"] == ana
    again = await load(run, text)
    assert [again.json[name] for name in ("created", "filled", "unchanged", "id")] == [0, 0, 1, None]
    assert (await people(run))["Ana"] == ana


async def test_lines_about_one_guest_are_put_together(run):
    """Within a file as with the store: the first line wins, later ones add what it does not say, however far apart."""
    others = "".join(f",g{number}@example.org,,\n" for number in range(1200))
    more = ",ana@example.org,+351912345678,PT\nX,,+351912345678,ES\n"
    text = f"name,email,phone,country\nAna,ana@example.org,,\n{others}{more}"
    assert await told(run, text) == [(1203, "duplicate", None), (1204, "duplicate", None)]
    reply = await load(run, text)
    assert [reply.json[name] for name in ("rows", "created", "duplicates")] == [1203, 1201, 2]
    page = await run.call("POST", f"{GUESTS}/search?include=content", {"email": "ana@example.org"})
    (ana,) = page.json["items"]
    assert (ana["content"]["name"], ana["country"], len(ana["contacts"])) == ("Ana", "PT", 2)
    stored = await load(run, text.replace("ES", "FR"))
    assert (stored.json["created"], stored.json["unchanged"]) == (0, 1201)


async def test_a_line_whose_addresses_are_two_peoples_is_a_fault(run):
    """In the store or earlier in the file: nobody can know which of them is meant."""
    await load(run, TWO)
    assert await told(run, "email,phone\nana@example.org,+351912345678\n") == [(2, "different-guests", None)]
    text = "email,phone\nx@example.org,\n,+351944444444\nx@example.org,+351944444444\nx@example.org,+351955555555\n"
    assert await told(run, text) == [(4, "different-guests", None), (5, "duplicate", None)]


async def test_of_a_couple_with_one_address_the_right_one_is_filled(run):
    """Both have the e-mail address; the phone says which of them the line is about."""
    shared = {"kind": "email", "address": "us@example.org"}
    for name, phone in (("Ana", "+351912345678"), ("Ben", "+351933333333")):
        contacts = [shared, {"kind": "phone", "address": phone}]
        assert (await run.call("POST", GUESTS, {"name": name, "contacts": contacts})).status == 201
    assert (await load(run, "email,phone,country\nus@example.org,+351933333333,PT\n")).json["filled"] == 1
    assert {name: one[1] for name, one in (await people(run)).items()} == {"Ana": None, "Ben": "PT"}


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_an_imported_guest_inherits_the_stop_for_everything(run, known):
    """Said with one address, it holds for those that the list adds; for a guest on no such list it does not."""
    if known:
        await load(run, "email\nana@example.org\n")
    stop = {"guest": "ana@example.org", "scope": "global"}
    assert (await run.call("POST", "/communications/compliance/unsubscribe", stop)).status == 200
    await load(run, "email,country\nana@example.org; new@example.org,PT\nben@example.org,PT\n")
    for address in ("new@example.org", "ben@example.org"):
        yes = {"guest": address, "granted_at": "2026-11-01T10:00:00Z"} | YES
        assert (await run.call("POST", "/communications/compliance/consent", yes)).status == 201
    assert (await run.send(NEWS | {"to": "new@example.org"})).json["compliance"]["reasons"] == ["CORE-SUP-1"]
    assert (await run.send(NEWS | {"to": "ben@example.org"})).status == 202


async def test_a_guest_who_is_edited_meanwhile_keeps_the_edit(run):
    """Edits and imports of the same guests at once: every edit that was answered stands, every gap is filled."""
    text = "name,email,country\n" + "".join(f"G{number},g{number}@example.org,PT\n" for number in range(50))
    await load(run, "email\n" + "".join(f"g{number}@example.org\n" for number in range(50)))
    items = (await run.call("GET", GUESTS)).json["items"]
    edits = [run.call("PATCH", f"{GUESTS}/{one['id']}", {"country": "ES"}) for one in items for _ in range(3)]
    reply, *edited = await asyncio.gather(load(run, text), *edits)
    assert {one.status for one in [reply, *edited]} == {200}
    found = await people(run)
    assert {one[1] for one in found.values()} == {"ES"}
    assert found.keys() == {f"G{number}" for number in range(50)}


# -- how much --------------------------------------------------------------------------------------------------------


async def test_a_hundred_thousand_lines_are_taken_and_one_more_is_not(run):
    """The largest list is looked through, and while that goes on others are answered."""
    text = "email\n" + "".join(f"g{number}@example.org\n" for number in range(100_000))
    waits = []

    async def others():
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            assert (await run.call("GET", "/health/live")).status == 200
            waits.append(loop.time() - began)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(others())
    reply = await load(run, text, "?dry_run=true")
    task.cancel()
    assert [reply.json[name] for name in ("rows", "created", "stored")] == [100_000, 100_000, False]
    assert len(waits) > 5
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert (await load(run, text + "one@example.org\n", "?dry_run=true")).status == 413
    assert await people(run) == {}


async def test_a_report_names_a_thousand_lines_and_counts_the_rest(run):
    """A list that is all wrong does not fill the answer."""
    report = (await load(run, "email\n" + "nobody\n" * 1500, "?dry_run=true")).json
    assert (report["faulty"], len(report["lines"]), report["lines_left_out"]) == (1500, 1000, 500)


async def test_lists_are_taken_one_at_a_time(run):
    """A second one at the same time is asked to come back; afterwards it is taken."""
    text = "email\n" + "".join(f"g{number}@example.org\n" for number in range(3000))
    replies = await asyncio.gather(load(run, text), load(run, TWO))
    assert sorted(reply.status for reply in replies) == [200, 503]
    (refused,) = [reply for reply in replies if reply.status == 503]
    assert "Retry-After" in refused.headers
    assert (await load(run, TWO)).status == 200


async def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
    """503 where the list no longer fits, nobody of it is to be seen, and with room again all of it is taken."""
    text = "name,email\n" + "".join(f"G,g{number}@example.org\n" for number in range(3000))
    async with running(tmp_path) as run:
        writer = run.gateway.db._writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages + 100}")
        reply = await load(run, text)
        assert (reply.status, reply.json["type"]) == (503, "urn:guest-gateway:problem:storage-full")
        assert await people(run) == {}
        writer.execute("PRAGMA max_page_count = 1000000")
        assert (await load(run, text)).json["created"] == 3000
    async with running(tmp_path) as run:
        await until(lambda: count(run.gateway.db.path, "imports") == 1)
        assert count(run.gateway.db.path, "guests") == 3000


async def test_a_kill_in_the_middle_leaves_nothing(tmp_path):
    """Part of a list was written when the process ended: after the next start nobody sees it, then it is gone."""
    text = "name,email,phone\n" + "".join(f"G,g{number}@example.org,+3519{number:08d}\n" for number in range(10_000))
    async with looping(tmp_path) as loop:
        url = f"http://127.0.0.1:{loop.port}{IMPORT}"
        database = tmp_path / "data" / "gateway.db"
        task = asyncio.create_task(loop.http.post(url, data=text.encode(), headers=TABLE))
        await until(lambda: count(database, "guests") >= 1000)
        loop.process.kill()
        loop.process.wait()
        await asyncio.gather(task, return_exceptions=True)
        assert 1000 <= count(database, "guests") < 10_000
        await asyncio.to_thread(loop.start)
        status, page = await loop.ask("GET", "guests")
        assert (status, page["items"]) == (200, [])
        await until(lambda: count(database, "imports") == 0)
        assert (count(database, "contacts"), count(database, "guests")) == (0, 0)
        async with loop.http.post(url, data=TWO.encode(), headers=TABLE) as answer:
            assert (await answer.json())["created"] == 2
        assert count(database, "imports WHERE finished_at IS NOT NULL") == 1
        command = ["audit", "verify", *loop.arguments[2:]]
        assert (await asyncio.to_thread(subprocess.run, [*PROGRAM, *command], capture_output=True)).returncode == 0


async def test_a_kill_after_it_counts_is_made_up_for(tmp_path):
    """Guests who were known were being filled when the process ended: the next start fills the rest."""
    names = "".join(f"g{number}@example.org,PT\n" for number in range(4000))
    async with looping(tmp_path) as loop:
        url = f"http://127.0.0.1:{loop.port}{IMPORT}"
        database = tmp_path / "data" / "gateway.db"
        async with loop.http.post(url, data=f"email,table\n{names}".encode(), headers=TABLE) as answer:
            assert (await answer.json())["created"] == 4000
        task = asyncio.create_task(loop.http.post(url, data=f"email,country\n{names}".encode(), headers=TABLE))
        await until(lambda: count(database, "guests WHERE country = 'PT'") > 0)
        loop.process.kill()
        loop.process.wait()
        await asyncio.gather(task, return_exceptions=True)
        assert 0 < count(database, "import_fills") < 4000
        await asyncio.to_thread(loop.start)
        await until(lambda: count(database, "import_fills") == 0)
        assert count(database, "guests WHERE country = 'PT' AND version = 2") == 4000
        assert count(database, "imports WHERE finished_at IS NOT NULL") == 2


async def until(holds, seconds=20.0):
    """Wait until something holds."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


def count(database, what):
    """Rows in the file of a gateway that may be running."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    try:
        return connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
    finally:
        connection.close()


# -- out -------------------------------------------------------------------------------------------------------------


async def exported(run, query="?include=content"):
    """The lines of an export, as a spreadsheet reads them."""
    reply = await run.call("GET", f"{GUESTS}/export{query}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(reply.raw.decode("utf-8-sig"))))


FORMULAS = ["=1+1", "@SUM(1)", "-2+3", "+1", "'=1+1", "''@x", '=HYPERLINK("http://x.example")']


async def test_no_cell_of_an_export_is_a_formula(run):
    """Stored as it came, written with a mark in front; what is harmless is written as it is, quotes and all."""
    harmless = ["Ana", "O'Brien", "'", "a=b", 'He said "yes", twice', "Zoë; Müller"]
    for number, name in enumerate([*FORMULAS, *harmless]):
        contacts = [{"kind": "email", "address": f"g{number}@example.org"}]
        assert (await run.call("POST", GUESTS, {"name": name, "contacts": contacts, "source": name})).status == 201
    rows = (await exported(run))[::-1]
    assert [row["name"] for row in rows] == [f"'{name}" for name in FORMULAS] + harmless
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    assert set(await people(run)) == {*FORMULAS, *harmless}


async def test_an_export_can_be_imported_again(run, tmp_path_factory):
    """Into another gateway, and everyone is there as before; into the same one, and nothing changes."""
    text = (
        "name,email,phone,country,region,timezone,language,tags,source\n"
        "'=1+1,ana@example.org; two@example.org,+351912345678,PT,,Europe/Lisbon,pt-PT,vip; bride,'@home\n"
        '"\'",-b@example.org,,US,FL,,en,,\n'
    )
    await load(run, text)
    before = await people(run)
    assert set(before) == {"=1+1", "'"}
    raw = (await run.call("GET", f"{GUESTS}/export?include=content")).raw
    assert (await load(run, raw)).json["unchanged"] == 2
    async with running(tmp_path_factory.mktemp("other"), deliver=False) as other:
        assert (await load(other, raw)).json["created"] == 2
        assert await people(other) == before


async def test_an_export_is_whole_and_can_be_narrowed(run):
    """Over many slices every guest once, newest first; HEAD has no body; a filter that is none is refused."""
    await load(run, "email,tags\n" + "".join(f"g{n}@example.org,t{n % 2}\n" for n in range(450)))
    assert [row["email"] for row in await exported(run)] == [f"g{n}@example.org" for n in range(449, -1, -1)]
    assert len(await exported(run, "?tag=t1&limit=5&include=content")) == 225
    (row, *_) = await exported(run, "?tag=t0")
    assert list(row) == ["id", "status", "country", "region", "timezone", "language", "tags", "created_at"]
    head = await run.call("HEAD", f"{GUESTS}/export")
    assert (head.status, head.raw) == (200, b"")
    assert (await run.call("GET", f"{GUESTS}/export?name=x")).status == 422


async def test_an_export_that_cannot_be_finished_breaks_off(run):
    """Somebody far down the list cannot be opened: the connection ends, so that the part is not taken for the whole."""
    await load(run, "email\n" + "".join(f"g{n}@example.org\n" for n in range(450)))
    assert len(await exported(run)) == 450
    await run.gateway.db.do(
        lambda tx: tx.execute("UPDATE contacts SET address_sealed = x'0100' WHERE id = (SELECT min(id) FROM contacts)")
    )
    with pytest.raises(aiohttp.ClientPayloadError):
        await exported(run)
