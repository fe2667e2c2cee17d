"""Guests, one by one: taken in, found, edited; names and addresses only for whoever may read them."""

import asyncio

import pytest

from gateway.ledger import verify
from tests.running import BOOKING, NEWS, YES, running

GUESTS = "/communications/guests"
ANA = {
    "name": "Ana Marques",
    "contacts": [{"kind": "email", "address": "Ana@Example.org"}, {"kind": "phone", "address": "+351912345678"}],
    "country": "PT",
    "timezone": "Europe/Lisbon",
    "language": "pt",
    "tags": ["vip", "bride-side"],
    "source": "the couple's list",
}
MAIL = {"kind": "email", "address": "ben@example.org"}


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def add(run, **members):
    """A new guest, Ana if not told otherwise."""
    reply = await run.call("POST", GUESTS, ANA | members)
    assert reply.status == 201, reply.json
    return reply.json


async def edit(run, guest, change, **headers):
    return await run.call("PATCH", f"{GUESTS}/{guest['id']}", change, headers=headers)


async def agree(run, guest):
    """The guest agreed to advertising, some weeks ago."""
    yes = YES | {"guest": {"guest_id": guest["id"]}, "granted_at": "2026-11-01T10:00:00Z"}
    assert (await run.call("POST", "/communications/compliance/consent", yes)).json["counts"]


async def content(run, guest):
    """What is sealed of a guest, name, source and addresses."""
    found = (await run.call("GET", f"{GUESTS}/{guest['id']}?include=content")).json["content"]
    return found["name"], found["source"], [one["address"] for one in found["contacts"]]


# -- one guest -------------------------------------------------------------------------------------------------------


async def test_a_guest_is_taken_in_and_shown(run):
    """201 with address and ETag; what is sealed appears only where it was asked for, in its normal form."""
    reply = await run.call("POST", GUESTS, ANA)
    made = reply.json
    assert (reply.status, reply.headers["Location"]) == (201, f"{GUESTS}/{made['id']}")
    shown = await run.call("GET", reply.headers["Location"])
    assert shown.json == made
    assert (shown.headers["ETag"], made["version"], made["content"]) == ('"1"', 1, None)
    assert (made["country"], made["tags"]) == ("PT", ["bride-side", "vip"])
    assert b"Ana" not in reply.raw + shown.raw
    assert await content(run, made) == (
        "Ana Marques",
        "the couple's list",
        ["ana@example.org", "+351912345678"],
    )


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"contacts": []}, ["/contacts"]),
        ({"contacts": [{"kind": "fax", "address": "+351912345678"}]}, ["/contacts/0/kind"]),
        ({"contacts": [MAIL, MAIL]}, ["/contacts/1/address"]),
        ({"contacts": [{"kind": "email", "address": "nobody"}, {"kind": "phone", "address": "+12"}],
          "timezone": "Mars"}, ["/timezone", "/contacts/0/address", "/contacts/1/address"]),
        ({"tags": ["Not a slug"]}, ["/tags/0"]),
        ({"country": "Portugal", "language": "portuguese!"}, ["/country", "/language"]),
        ({"consent": True}, ["/consent"]),
    ],
)  # fmt: skip
async def test_a_guest_who_cannot_be_taken_in_is_refused(run, change, pointers):
    """With every fault, and never the value; the same guest without them is taken in."""
    reply = await run.call("POST", GUESTS, ANA | change)
    assert (reply.status, [fault["pointer"] for fault in reply.json["errors"]]) == (422, pointers)
    assert b"nobody" not in reply.raw
    await add(run)


async def test_names_and_addresses_need_a_scope_and_leave_a_trace(run):
    """Without `read.content` 403; with it one audit entry a request, however many guests it shows."""
    guest = await add(run)
    await add(run, contacts=[MAIL])
    blind = {"Authorization": f"Bearer {await run.draw('guests')}"}
    count = "SELECT count(*) FROM audit WHERE instr(entry, 'content.read') > 0"
    for path in (f"{GUESTS}/{guest['id']}", GUESTS, f"{GUESTS}/export"):
        assert (await run.call("GET", f"{path}?include=content", headers=blind)).status == 403
    for path in (GUESTS, f"{GUESTS}/export"):
        assert (await run.call("GET", path, headers=blind)).status == 200
    assert run.gateway.db.reader.execute(count).fetchone() == (0,)
    for path in (
        f"{GUESTS}/{guest['id']}?include=content",
        f"{GUESTS}?include=content",
        f"{GUESTS}/export?include=content",
    ):
        assert (await run.call("GET", path)).status == 200
    assert run.gateway.db.reader.execute(count).fetchone() == (3,)
    other = {"Authorization": f"Bearer {await run.draw('read', 'read.content')}"}
    assert (await run.call("GET", GUESTS, headers=other)).status == 403


async def test_a_stranger_is_not_found(run):
    """A guest nobody has, and a name that is none."""
    for public in ("gst_01m86xwyt2e00s0xy8yhrczk0r", "msg_01m86xwyt2e00s0xy8yhrczk0r", "1"):
        assert (await run.call("GET", f"{GUESTS}/{public}")).status == 404
        assert (await run.call("PATCH", f"{GUESTS}/{public}", {})).status == 404


# -- edits -----------------------------------------------------------------------------------------------------------


async def test_an_edit_changes_what_it_names(run, clock):
    """A member left out stays, null takes it away, tags are replaced as a whole."""
    guest = await add(run)
    clock.forward(60)
    reply = await edit(run, guest, {"name": None, "language": "en", "tags": ["vip"]})
    assert (reply.status, reply.headers["ETag"], reply.json["version"]) == (200, '"2"', 2)
    expected = {"language": "en", "tags": ["vip"], "version": 2, "updated_at": "2026-11-24T10:01:00Z"}
    assert reply.json == guest | expected
    assert (await content(run, guest))[:2] == (None, "the couple's list")
    assert (await edit(run, guest, {"tags": None, "source": None, "country": None})).json["country"] is None
    assert await content(run, guest) == (None, None, ["ana@example.org", "+351912345678"])


@pytest.mark.parametrize(
    ("header", "status"),
    [('"1"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412), ("1", 412), ("", 412)],
)
async def test_an_edit_may_name_the_version_it_was_made_for(run, header, status):
    """Another version than the one that is there is 412 and changes nothing."""
    guest = await add(run)
    reply = await edit(run, guest, {"language": "en"}, **{"If-Match": header})
    assert reply.status == status
    assert status == 200 or reply.json["type"].endswith("precondition")
    assert (await run.call("GET", f"{GUESTS}/{guest['id']}")).json["language"] == ("en" if status == 200 else "pt")


async def test_of_many_edits_to_one_version_a_single_one_wins(run):
    """All at once, all for the version they have read: one is made, the others hear of it."""
    guest = await add(run)
    edits = [edit(run, guest, {"tags": [f"t{number}"]}, **{"If-Match": '"1"'}) for number in range(20)]
    replies = await asyncio.gather(*edits)
    assert sorted(reply.status for reply in replies) == [200] + [412] * 19
    (won,) = [reply.json for reply in replies if reply.status == 200]
    assert (await run.call("GET", f"{GUESTS}/{guest['id']}")).json == won


async def test_contact_points_come_and_go(run):
    """Added and taken away by id in one edit; found by the new address, not by the old one."""
    guest = await add(run, contacts=[MAIL])
    (old,) = guest["contacts"]
    new = {"kind": "email", "address": "ben@elsewhere.example"}
    reply = await edit(run, guest, {"contacts": {"add": [new, MAIL], "remove": [old["id"]]}})
    assert reply.status == 200
    assert (await content(run, guest))[2] == ["ben@elsewhere.example", "ben@example.org"]
    await edit(run, guest, {"contacts": {"remove": [reply.json["contacts"][1]["id"]]}})
    assert (await found(run, email="ben@example.org"), await found(run, email=new["address"])) == ([], [guest["id"]])


@pytest.mark.parametrize(
    ("contacts", "pointer"),
    [
        ({"remove": ["cnt_01m86xwyt2e00s0xy8yhrczk0r"]}, "/contacts/remove/0"),
        ({"remove": "all"}, "/contacts"),
        ({"add": [{"kind": "email", "address": "nobody"}]}, "/contacts/add/0/address"),
    ],
)
async def test_an_edit_of_contact_points_that_cannot_be_made_changes_nothing(run, contacts, pointer):
    """A stranger's contact point, the last one, a bad address: refused with its pointer, whatever else it says."""
    guest = await add(run)
    if contacts["remove" if "remove" in contacts else "add"] == "all":
        contacts = {"remove": [contact["id"] for contact in guest["contacts"]]}
    reply = await edit(run, guest, {"language": "en", "contacts": contacts})
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
    assert (await run.call("GET", f"{GUESTS}/{guest['id']}")).json == guest


async def test_what_waits_for_an_address_follows_the_guest(run):
    """To his other address of the kind; without one it is cancelled, since nobody knows whose address it was."""
    guest = await add(run, contacts=[MAIL])
    later = BOOKING | {"to": {"guest_id": guest["id"]}, "deliver_at": "2027-01-01T00:00:00Z"}
    public = (await run.send(later)).json["id"]
    new = {"kind": "email", "address": "ben@elsewhere.example"}
    edited = (await edit(run, guest, {"contacts": {"add": [new], "remove": [guest["contacts"][0]["id"]]}})).json
    message = await run.message(public, "?include=content")
    assert (message["status"], message["content"]["to"]) == ("deferred", "ben@elsewhere.example")
    phone = {"kind": "phone", "address": "+351912345678"}
    await edit(run, guest, {"contacts": {"add": [phone], "remove": [edited["contacts"][0]["id"]]}})
    message = await run.message(public)
    assert (message["status"], message["events"][-1]["type"]) == ("cancelled", "cancelled")


async def test_an_address_that_a_message_goes_to_right_now_stays(run):
    """409 while it is being handed over, and the edit is not made; once it has left, it is."""
    guest = await add(run, contacts=[MAIL, {"kind": "email", "address": "two@example.org"}])
    await run.send(BOOKING | {"to": {"guest_id": guest["id"]}, "deliver_at": "2027-01-01T00:00:00Z"})
    change = {"language": "en", "contacts": {"remove": [guest["contacts"][0]["id"]]}}
    await run.gateway.db.write(hand_over(1))
    assert (await edit(run, guest, change)).status == 409
    assert (await run.call("GET", f"{GUESTS}/{guest['id']}")).json == guest
    await run.gateway.db.write(hand_over(0))
    assert (await edit(run, guest, change)).status == 200


def hand_over(lease):
    """What a courier does when it takes a message, and when it gives it back."""

    def work(tx, items):
        tx.execute("UPDATE outbox SET lease = ?", (lease,))
        return [None] * len(items)

    return work


async def test_an_edit_is_seen_by_the_next_judgement(run):
    """A guest moved to a country with another law: what was known of the address is forgotten, and again on return."""
    guest = await add(run, contacts=[MAIL])
    await agree(run, guest)
    order = NEWS | {"to": "ben@example.org"}
    assert (await run.send(order)).status == 202
    await edit(run, guest, {"country": "DE"})
    refused = await run.send(order)
    assert (refused.status, "EU-DE-1" in refused.json["compliance"]["reasons"]) == (422, True)
    await edit(run, guest, {"country": "PT"})
    assert (await run.send(order)).status == 202


# -- stops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["global", "channel"])
async def test_a_contact_point_that_is_added_inherits_the_stop_for_everything(run, scope):
    """A global stop follows the person to a new address, and from a new address to the old ones; others do not."""
    guest = await add(run, contacts=[MAIL])
    await agree(run, guest)
    stop = {"guest": "ben@example.org", "scope": scope}
    assert (await run.call("POST", "/communications/compliance/unsubscribe", stop)).status == 200
    new = {"kind": "email", "address": "new@example.org"}
    await edit(run, guest, {"contacts": {"add": [new]}})
    reply = await run.send(NEWS | {"to": "new@example.org"})
    assert reply.status == (422 if scope == "global" else 202)
    assert scope == "channel" or reply.json["compliance"]["reasons"] == ["CORE-SUP-1"]
    other = await add(run, contacts=[new, {"kind": "email", "address": "third@example.org"}])
    await agree(run, other)
    assert (await run.send(NEWS | {"to": "third@example.org"})).status == (422 if scope == "global" else 202)
    count = "SELECT count(*) FROM suppressions WHERE scope = 'global'"
    await edit(run, guest, {"contacts": {"add": [{"kind": "phone", "address": "+351912345678"}]}})
    entries = 4 if scope == "global" else 0
    assert run.gateway.db.reader.execute(count).fetchone() == (entries,)


# -- many ------------------------------------------------------------------------------------------------------------


async def found(run, query="", **address):
    """Who has an address; or who a list with this query shows."""
    if address:
        return [one["id"] for one in (await run.call("POST", f"{GUESTS}/search", address)).json["items"]]
    return [one["id"] for one in (await run.call("GET", f"{GUESTS}{query}")).json["items"]]


async def test_guests_are_found_by_their_address(run):
    """However it is written, by everyone who has it; a name or half an address finds nobody."""
    ana, ben = await add(run), await add(run, name="Ben")
    assert await found(run, email="ANA@example.ORG ") == [ben["id"], ana["id"]]
    assert await found(run, phone="+351 912 345 678") == [ben["id"], ana["id"]]
    assert await found(run, email="na@example.org") == []
    shown = await run.call("POST", f"{GUESTS}/search?include=content", {"phone": "+351912345678"})
    assert [one["content"]["name"] for one in shown.json["items"]] == ["Ben", "Ana Marques"]
    for order in ({}, {"email": "a@example.org", "phone": "+351912345678"}, {"email": "Ana"}, {"name": "Ana"}):
        assert (await run.call("POST", f"{GUESTS}/search", order)).status == 422


async def test_lists_are_filtered(run, clock):
    """By tag, language, country, kind of contact point, status and time; a filter that cannot be used is named."""
    ana = await add(run)
    clock.forward(3600)
    ben = await add(run, contacts=[MAIL], tags=["vip"], country="US", language=None)
    both = [ben["id"], ana["id"]]
    for query, expected in {
        "": both, "?tag=vip": both, "?tag=bride-side": both[1:], "?tag=vip&country=US": both[:1],
        "?language=pt": both[1:],
        "?has=phone": both[1:], "?has=email": both, "?status=active": both, "?status=erased": [],
        "?from=2026-11-24T10:30:00Z": both[:1], "?to=2026-11-24T10:30:00Z": both[1:], "?tag=none": [],
    }.items():  # fmt: skip
        assert await found(run, query) == expected, query
    for query in ("name=Ana", "email=ana@example.org", "has=fax", "status=lost", "limit=201", "cursor=x", "from=soon"):
        reply = await run.call("GET", f"{GUESTS}?{query}")
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, f"?{query.partition('=')[0]}")


async def test_pages_stay_as_they_are_while_guests_are_added(run):
    """Everyone who was there when the first page was given is on exactly one page."""
    there = [(await add(run, name=f"Guest {number}"))["id"] for number in range(7)]
    seen, query = [], "?limit=2"
    while query:
        page = (await run.call("GET", f"{GUESTS}{query}")).json
        seen += [one["id"] for one in page["items"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        await add(run, name="Late")
    assert seen == there[::-1]


async def test_everything_is_sealed_and_recorded(run, tmp_path):
    """Names, sources and addresses are nowhere in clear, tags and countries are; every step has its audit entry."""
    guest = await add(run)
    await edit(run, guest, {"source": "her mother"})
    run.gateway.db.reader.execute("SELECT 1")
    files = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("gateway.db*"))
    assert not [mark for mark in (b"Ana", b"Marques", b"example.org", b"351912345678", b"mother") if mark in files]
    assert b"bride-side" in files
    for action in ("guest.created", "guest.edited"):
        assert f'"action":"{action}"'.encode() in files
    await run.gateway.record.checkpoint()
    assert verify(run.gateway.data.database).ok
