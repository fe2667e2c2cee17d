"""Stops as a collection: listed, lifted where they were a mistake, taken in and given out as lists; never deleted."""

import csv
import io

import pytest

from gateway import metrics
from tests.running import CONFIG, NEWS, running

STOPS = "/communications/suppressions"
UNSUBSCRIBE = "/communications/compliance/unsubscribe"
ANA = "ana@example.org"


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver; Ana agreed to everything, with an e-mail address and a phone."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        await run.yes({"email": ANA, "phone": "+351912345678", "country": "PT"}, channels=["email", "sms"])
        clock.forward(60)
        yield run


async def stop(run, guest=ANA, path=STOPS, **members):
    """A new stop; its id."""
    reply = await run.call("POST", path, {"guest": guest} | members)
    assert reply.status in (200, 201), reply.json
    return reply.json["id"]


async def lift(run, public, reason="typed by mistake", **headers):
    return await run.call("POST", f"{STOPS}/{public}/lift", {"reason": reason}, headers=headers)


async def reasons(run, order=NEWS):
    reply = await run.send(order | {"to": ANA})
    return reply.json["compliance"]["reasons"]


async def listed(run, query=""):
    return [one["id"] for one in (await run.call("GET", f"{STOPS}{query}")).json["items"]]


async def test_a_stop_is_made_and_shown(run):
    """201 with its address; in force at once; the guest's address only for whoever may read content."""
    assert await reasons(run) == []
    reply = await run.call("POST", STOPS, {"guest": ANA, "source": "front_desk"})
    public = reply.json["id"]
    assert (reply.status, reply.headers["Location"]) == (201, f"{STOPS}/{public}")
    assert await reasons(run) == ["CORE-SUP-2"]
    shown = await run.call("GET", f"{STOPS}/{public}")
    assert shown.json == {
        "id": public, "scope": "channel", "channels": ["email"], "categories": [], "classes": ["marketing"],
        "source": "front_desk", "permanent": False, "created_at": "2026-11-24T10:01:00Z",
        "recorded_at": "2026-11-24T10:01:00Z", "due_at": None, "lifted_at": None, "lift_asked": False, "content": None,
    }  # fmt: skip
    opened = (await run.call("GET", f"{STOPS}/{public}?include=content")).json["content"]
    assert opened == {"email": ANA, "phone": None, "lift_reasons": []}
    blind = {"Authorization": f"Bearer {await run.draw('suppressions')}"}
    assert (await run.call("GET", f"{STOPS}/{public}?include=content", headers=blind)).status == 403
    assert (await run.call("GET", f"{STOPS}/{public}", headers=blind)).status == 200


async def test_a_stop_is_never_edited_or_deleted(run):
    """No method does it, and nothing behind an id that is none."""
    public = await stop(run)
    for method in ("PATCH", "DELETE", "PUT"):
        assert (await run.call(method, f"{STOPS}/{public}", {})).status == 405
    assert (await run.call("GET", f"{STOPS}/sup_x")).status == 404
    assert (await lift(run, "sup_01m86xwyvbe00s29069v9jxef2")).status == 404


async def test_lists_are_filtered_and_paged(run):
    """By scope, channel, category, source, state, guest and time; a filter that cannot be used is named."""
    one = await stop(run, source="import")
    two = await stop(run, "ben@example.org", scope="category", categories=["spa"])
    three = await stop(run, "+351999999999")
    await lift(run, three)
    guest = (await run.call("GET", "/communications/guests")).json["items"][0]["id"]
    for query, expected in {
        "": [three, two, one], "?scope=category": [two], "?channel=sms": [three, two], "?channel=email": [two, one],
        "?category=spa": [two], "?source=import": [one], "?state=lifted": [three], "?state=in_force": [two, one],
        f"?guest={guest}": [one], "?from=2026-11-25T00:00:00Z": [],
    }.items():  # fmt: skip
        assert await listed(run, query) == expected, query
    first = (await run.call("GET", f"{STOPS}?limit=2")).json
    assert await listed(run, f"?cursor={first['next_cursor']}") == [one]
    for query in ("email=ana@example.org", "scope=all", "state=gone", "guest=ana", "limit=0"):
        assert (await run.call("GET", f"{STOPS}?{query}")).status == 422


# -- lifting ---------------------------------------------------------------------------------------------------------


async def test_a_mistake_is_lifted(run):
    """The entry stays, with the reason sealed, and no longer stops; a second time there is nothing to lift."""
    public = await stop(run)
    assert await reasons(run) == ["CORE-SUP-2"]
    reply = await lift(run, public, "Ana is another Ana")
    assert (reply.status, reply.json["lifted_at"]) == (200, "2026-11-24T10:01:00Z")
    assert await reasons(run) == []
    assert (await lift(run, public)).status == 409
    shown = (await run.call("GET", f"{STOPS}/{public}?include=content")).json
    assert (shown["lifted_at"], shown["content"]["lift_reasons"]) == ("2026-11-24T10:01:00Z", ["Ana is another Ana"])
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"another Ana" not in files
    assert b'"action":"suppression.lifted"' in files


async def test_lifting_needs_its_own_scope_and_a_reason(run):
    """`suppressions` alone may not; nobody may without a word why."""
    public = await stop(run)
    key = await run.draw("suppressions", "consent")
    assert (await lift(run, public, Authorization=f"Bearer {key}")).status == 403
    for body in ({}, {"reason": ""}, {"reason": "x", "force": True}):
        assert (await run.call("POST", f"{STOPS}/{public}/lift", body)).status == 422
    assert await reasons(run) == ["CORE-SUP-2"]


async def test_a_stop_for_everything_is_lifted_for_all_it_was_written_for(run):
    """Every address it covered, those that inherited it too, and no other stop of the same guest."""
    other = await stop(run, scope="category", categories=["spa"])
    public = await stop(run, scope="global")
    guest = (await run.call("GET", "/communications/guests")).json["items"][0]
    new = {"contacts": {"add": [{"kind": "email", "address": "new@example.org"}]}}
    assert (await run.call("PATCH", f"/communications/guests/{guest['id']}", new)).status == 200
    assert len(await listed(run, "?state=in_force&scope=global")) == 3
    assert (await lift(run, public)).status == 200
    assert await listed(run, "?state=in_force") == [other]
    assert await reasons(run) == []
    assert (await run.send(NEWS | {"to": "new@example.org"})).status == 202


async def test_a_guests_own_word_is_not_lifted(run):
    """What he said by a link or by taking a consent back stands until he says yes again."""
    no = {"guest": ANA, "action": "withdraw"}
    assert (await run.call("POST", "/communications/compliance/consent", no)).status == 201
    token = run.gateway.vault.links.make("unsubscribe", b"b" * 16, "email", b"m" * 16, 20_000)
    form = {"Authorization": None, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await run.call("POST", f"/u/{token}", b"", headers=form)).status == 200
    for public in await listed(run):
        assert (await lift(run, public)).status == 409
    assert (await lift(run, await stop(run))).status == 200


@pytest.mark.parametrize("kind", ["complaint", "permanent"])
async def test_what_is_for_good_needs_two_people(run, kind):
    """The first one asks and waits with 202; the same one again is refused; a second one lifts it."""
    public = await stop(run, source="complaint" if kind == "complaint" else "api")
    if kind == "permanent":
        await run.gateway.db.write(make_permanent)
    first = await lift(run, public, "a wrong mailbox")
    assert (first.status, first.json["lift_asked"], first.json["lifted_at"]) == (202, True, None)
    assert (await lift(run, public)).status == 409
    assert await reasons(run) == ["CORE-SUP-2"]
    second = {"Authorization": f"Bearer {await run.draw('suppressions.lift')}"}
    assert (await lift(run, public, "I saw it too", **second)).status == 200
    assert await reasons(run) == []
    opened = (await run.call("GET", f"{STOPS}/{public}?include=content")).json["content"]
    assert opened["lift_reasons"] == ["a wrong mailbox", "I saw it too"]


def make_permanent(tx, items):
    """What a provider's complaint does."""
    tx.execute("UPDATE suppressions SET permanent = 1")
    return [None] * len(items)


# -- lists -----------------------------------------------------------------------------------------------------------


async def load(run, raw):
    base, run.base = run.base, run.local_base
    try:
        return await run.call("POST", "/local/suppressions/import", raw, headers={"Content-Type": "text/csv"})
    finally:
        run.base = base


async def test_a_list_of_stops_counts_line_by_line(run):
    """Each line that can be read stops somebody, known or not; the others are named by number and column."""
    text = (
        "email,phone,scope,channels,categories,classes,source,received_at\n"
        "ana@example.org,,,,,,old_system,2026-11-24T10:00:30Z\n"
        "nobody,,,,,,,\n"
        ",+351999999999,channel,sms; whatsapp,,marketing; informational,,\n"
        ",,,,,,,\n"
        "b@example.org,+351912345678,,,,,,\n"
        "c@example.org,,everything,,,,,\n"
        "d@example.org,,category,,,,,\n"
        "e@example.org,,,,,,,tomorrow\n"
        '"f"x,,,,,,,\n'
    )
    reply = await load(run, text.encode("cp1252"))
    report = reply.json
    assert (reply.status, report["rows"], report["stopped"], report["faulty"]) == (200, 8, 2, 6)
    assert [(one["line"], one["code"], one["column"]) for one in report["lines"]] == [
        (3, "bad-email", "email"), (6, "one-address", None), (7, "invalid", None), (8, "missing", "categories"),
        (9, "bad-time", "received_at"), (10, "unreadable", None),
    ]  # fmt: skip
    assert await reasons(run) == ["CORE-SUP-2"]
    newest = (await run.call("GET", f"{STOPS}?source=import")).json["items"][0]
    assert (newest["channels"], newest["classes"]) == (["sms", "whatsapp"], ["marketing", "informational"])
    assert (await load(run, b"name\nAna\n")).json["errors"][0]["code"] == "no-address-column"


async def test_lists_of_stops_are_for_this_machine_only(run):
    """At the main door there is no such address."""
    for method, path in (("POST", "import"), ("GET", "export")):
        assert (await run.call(method, f"/local/suppressions/{path}")).status == 404


async def test_the_list_given_out_has_what_is_in_force(run, tmp_path_factory):
    """With the address where a guest has it; taken in elsewhere it stops the same people."""
    await lift(run, await stop(run, scope="category", categories=["spa"]))
    await stop(run, scope="channel_category", categories=["news", "spa"])
    await stop(run, "ben@example.org")
    raw = (await run.local("GET", "/local/suppressions/export")).raw
    ben, ana = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert (ben["email"], ben["phone"], ben["channels"]) == ("", "", "email")
    assert (ana["email"], ana["scope"], ana["categories"]) == (ANA, "channel_category", "news; spa")
    async with running(tmp_path_factory.mktemp("other"), deliver=False) as other:
        report = (await load(other, raw)).json
        assert (report["stopped"], [one["code"] for one in report["lines"]]) == (1, ["one-address"])
        (same,) = (await other.call("GET", STOPS)).json["items"]
        assert (same["categories"], same["created_at"]) == (["news", "spa"], ana["received_at"])


# -- what was said elsewhere ------------------------------------------------------------------------------------------


async def test_a_stop_that_was_said_elsewhere_has_a_deadline(run):
    """By the venue's law and by what the address tells, the earlier; alike whether somebody has the address. What
    comes through a link has none, nor what another system has stopped before."""
    friday = {"received_at": "2026-11-20T10:00:00Z", "source": "letter"}
    for guest, due in ((ANA, "2026-11-22T10:00:00Z"), ("nobody@example.org", "2026-11-22T10:00:00Z"),
                       ("+41791234567", "2026-11-22T10:00:00Z")):  # fmt: skip
        reply = (await run.call("POST", UNSUBSCRIBE, {"guest": guest} | friday)).json
        assert (reply["created_at"], reply["due_at"], reply["late"]) == (friday["received_at"], due, True), guest
    for more in ({}, friday | {"source": "import"}):
        reply = (await run.call("POST", UNSUBSCRIBE, {"guest": ANA} | more)).json
        assert (reply["due_at"], reply["late"]) == (None, False)
    in_time = await run.call("POST", UNSUBSCRIBE, {"guest": ANA, "received_at": "2026-11-23T10:02:00Z"})
    assert (in_time.json["due_at"], in_time.json["late"]) == ("2026-11-25T10:02:00Z", False)


async def test_business_days_are_those_of_the_law(tmp_path, clock):
    """A venue in New York: ten business days, over Thanksgiving and without the weekends; a guest in Germany has 48
    hours all the same."""
    config = CONFIG.replace('"PT"', '"US"').replace("Europe/Lisbon", "America/New_York")
    async with running(tmp_path, config, clock, deliver=False) as run:
        said = {"received_at": "2026-11-19T15:00:00Z"}
        for guest, due in (("ana@example.com", "2026-12-05T05:00:00Z"), ("+4915112345678", "2026-11-21T15:00:00Z"),
                           ("ana@example.de", "2026-11-21T15:00:00Z")):  # fmt: skip
            assert (await run.call("POST", UNSUBSCRIBE, {"guest": guest} | said)).json["due_at"] == due, guest


async def test_what_was_entered_too_late_is_listed_counted_and_logged(run, clock):
    """The list of them, a gauge that forgets after a month, one line without the address; what was in time is in none
    of the three."""
    late = await stop(run, received_at="2026-11-20T10:00:00Z")
    in_time = await stop(run, received_at="2026-11-24T10:00:00Z")
    assert (await listed(run, "?late=true"), await listed(run, "?late=false")) == ([late], [in_time])
    shown = (await run.call("GET", f"{STOPS}/{late}")).json
    assert (shown["due_at"], shown["recorded_at"]) == ("2026-11-22T10:00:00Z", "2026-11-24T10:01:00Z")
    run.gateway.measure()
    assert metrics.LATE_STOPS._value.get() == 1
    lines = [line for line in run.log_text.getvalue().splitlines() if "late-stop" in line]
    assert len(lines) == 1 and "ana" not in lines[0]
    clock.forward(31 * 86_400)
    run.gateway.measure()
    assert metrics.LATE_STOPS._value.get() == 0
