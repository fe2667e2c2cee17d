"""Requests of guests about their data: taken down, proven, answered in time, refused, taken back; and what then happens
to the guest."""

import re

import pytest

from gateway.store import data_requests, feed
from gateway.store.feed import Marks
from tests.running import BOOKING, CONFIG, NEWS, YES, running

REQUESTS = "/communications/compliance/data-request"
ANA = "ana@example.org"
DAY = 86_400


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def guest(run, address=ANA, **members):
    """A new guest; his id."""
    kind = "email" if "@" in address else "phone"
    body = {"name": "Ana Duarte", "country": "PT", "contacts": [{"kind": kind, "address": address}]} | members
    reply = await run.call("POST", "/communications/guests", body)
    assert reply.status == 201, reply.json
    return reply.json["id"]


async def ask(run, kind="access", whom=ANA, **members):
    """A request, opened; as it was answered."""
    body = {"guest": whom, "kind": kind, "received_via": "phone"} | members
    reply = await run.call("POST", REQUESTS, body)
    assert reply.status == 201, reply.json
    return reply.json


async def act(run, request, what, body=None):
    """Something done with a request; what was answered."""
    return await run.call("POST", f"{REQUESTS}/{request['id']}/{what}", body)


async def proven(run, kind="access", whom=ANA, **members):
    """A request of which staff made sure who asks."""
    request = await ask(run, kind, whom, **members)
    reply = await act(run, request, "verify", {"method": "staff", "note": "knows the booking by heart"})
    assert reply.status == 200, reply.json
    return reply.json


async def now(run, request):
    return (await run.call("GET", f"{REQUESTS}/{request['id']}")).json


async def letters(run):
    """What was written to guests about their requests, newest first."""
    listed = await run.call("GET", "/communications/messages?category=privacy&include=content")
    assert all(one["class"] == "legal" for one in listed.json["items"])
    return [one["content"] for one in listed.json["items"]]


async def code(run):
    """The code in the newest letter."""
    return re.search(r"\d{4} \d{4}", (await letters(run))[0]["text"])[0]


async def status(run, public):
    return (await run.call("GET", f"/communications/guests/{public}")).json["status"]


async def reasons(run, order):
    reply = await run.send(order)
    return reply.json["compliance"]["reasons"]


# -- taken down ------------------------------------------------------------------------------------------------------


async def test_a_request_is_taken_down_and_shown(run):
    """201 with its address; what staff noted only for whoever may read content, and nowhere in clear."""
    public = await guest(run)
    reply = await run.call("POST", REQUESTS, {"guest": ANA, "kind": "access", "received_via": "phone",
                                              "received_at": "2026-11-20T09:00:00Z", "note": "was upset"})  # fmt: skip
    assert (reply.status, reply.headers["Location"]) == (201, f"{REQUESTS}/{reply.json['id']}")
    shown = await now(run, reply.json)
    assert shown == {
        "id": reply.json["id"], "number": "R-1", "kind": "access", "status": "verifying", "guest_id": public,
        "received_via": "phone", "received_at": "2026-11-20T09:00:00Z", "jurisdiction": "EU",
        "due_date": "2026-12-21", "overdue": False, "reasons": ["DSR-1"], "extended_at": None,
        "paused_since": "2026-11-24T10:00:00Z", "erase_at": None, "refusal": None,
        "verification": {"method": "code", "channel": "email", "expires_at": "2026-11-25T10:00:00Z", "tries_left": 5,
                         "verified_at": None, "verified_by": None},
        "created_at": "2026-11-24T10:00:00Z", "closed_at": None, "events": shown["events"],
    }  # fmt: skip
    assert [one["type"] for one in shown["events"]] == ["opened", "code_sent"] and "note" not in shown["events"][0]
    opened = await run.call("GET", f"{REQUESTS}/{shown['id']}?include=content")
    assert opened.json["events"][0]["note"] == "was upset"
    blind = {"Authorization": f"Bearer {await run.draw('privacy')}"}
    assert (await run.call("GET", f"{REQUESTS}/{shown['id']}", headers=blind)).status == 200
    assert (await run.call("GET", f"{REQUESTS}/{shown['id']}?include=content", headers=blind)).status == 403
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"was upset" not in files and b'"action":"data_request.opened"' in files


async def test_requests_are_listed(run, clock):
    """Newest first, by status, kind, guest and by when they are due."""
    public = await guest(run)
    first, second = await ask(run, "access"), await proven(run, "portability", received_at="2026-11-01T00:00:00Z")

    async def listed(query=""):
        return [one["id"] for one in (await run.call("GET", f"{REQUESTS}{query}")).json["items"]]

    for query, expected in {
        "": [second, first], "?status=open": [second], "?kind=access": [first], f"?guest={public}": [second, first],
        "?due_before=2026-12-10T00:00:00Z": [second], "?due_before=2026-12-01T00:00:00Z": [],
    }.items():  # fmt: skip
        assert await listed(query) == [one["id"] for one in expected], query
    page = (await run.call("GET", f"{REQUESTS}?limit=1")).json
    assert await listed(f"?cursor={page['next_cursor']}") == [first["id"]]
    for query in ("?kind=all", "?due_before=soon", f"?guest={ANA}"):
        assert (await run.call("GET", REQUESTS + query)).status == 422


async def test_what_cannot_be_taken_down_is_told(run):
    """Every fault has its place; nothing is there behind an id that is none."""
    await guest(run)
    good = {"guest": ANA, "kind": "access", "received_via": "phone"}
    for change, pointer in (
        ({"received_at": "2027-01-01T00:00:00Z"}, "/received_at"), ({"jurisdiction": "ZZ"}, "/jurisdiction"),
        ({"guest": {"guest_id": "gst_01m86xwyvbe00s29069v9jxef2"}}, "/guest/guest_id"), ({"guest": "ana"}, "/guest"),
        ({"kind": "everything"}, "/kind"), ({"received_via": "By Phone"}, "/received_via"),
    ):  # fmt: skip
        reply = await run.call("POST", REQUESTS, good | change)
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
    assert (await run.call("GET", f"{REQUESTS}/req_x")).status == 404
    assert (await run.call("POST", f"{REQUESTS}/req_01m86xwyvbe00s29069v9jxef2/cancel", {})).status == 404


async def test_an_address_nobody_has_gets_the_same_answer(run):
    """Who asks learns nothing: neither from the answer nor from codes; and nobody is written to, or made a guest."""
    await guest(run)
    known, unknown = await ask(run), await ask(run, whom="eve@example.org")
    for answer in (known, unknown):
        del answer["number"]
    wrong = [await act(run, one, "verify", {"method": "code", "code": "0000 0000"}) for one in (known, unknown)]
    assert wrong[0].json | {"instance": ""} == wrong[1].json | {"instance": ""} and wrong[0].status == 422
    assert known | {"id": ""} == unknown | {"id": ""}
    assert [one["to"] for one in await letters(run)] == [ANA]
    assert len((await run.call("GET", "/communications/guests")).json["items"]) == 1
    assert (await act(run, unknown, "verify", {"method": "staff", "note": "by letter"})).json["status"] == "open"
    assert (await act(run, unknown, "complete", {})).json["status"] == "done"


# -- proven ----------------------------------------------------------------------------------------------------------


async def test_a_code_proves_who_asks(run):
    """It goes to the known address, works once, and is worth nothing without its request."""
    await guest(run)
    request, other = await ask(run, "access"), await ask(run, "portability")
    second = await code(run)
    letter = (await letters(run))[1]
    assert letter["to"] == ANA and "a copy of all data" in letter["text"] and "/proof" in letter["text"]
    first = re.search(r"\d{4} \d{4}", letter["text"])[0]
    assert (await act(run, request, "verify", {"method": "code", "code": second})).status == 422
    done = await act(run, request, "verify", {"method": "code", "code": first.replace(" ", "-")})
    assert (done.status, done.json["status"], done.json["verification"]["verified_by"]) == (200, "open", "code")
    assert (await act(run, request, "verify", {"method": "code", "code": first})).status == 422
    assert (await act(run, other, "verify", {"method": "code", "code": second})).status == 200


async def test_codes_cannot_be_guessed(run, clock):
    """After five tries the right one is not taken either; nor is an old one; a new one is, some times."""
    await guest(run)
    request = await ask(run)
    right = await code(run)
    for _ in range(5):
        assert (await act(run, request, "verify", {"method": "code", "code": "1"})).status == 422
    assert (await act(run, request, "verify", {"method": "code", "code": right})).status == 422
    assert (await now(run, request))["verification"]["tries_left"] == 0
    assert (await act(run, request, "verify", {"method": "send"})).status == 200
    clock.forward(DAY)
    assert (await act(run, request, "verify", {"method": "code", "code": await code(run)})).status == 422
    for _ in range(3):
        assert (await act(run, request, "verify", {"method": "send"})).status == 200
    assert (await act(run, request, "verify", {"method": "send"})).status == 409
    assert (await act(run, request, "verify", {"method": "code", "code": await code(run)})).status == 200


async def test_staff_may_vouch_with_a_word_why(run):
    """No code is needed then, and none is good any more."""
    await guest(run)
    request = await ask(run)
    assert (await act(run, request, "verify", {"method": "staff"})).json["errors"][0]["pointer"] == "/note"
    done = await act(run, request, "verify", {"method": "staff", "note": "stood at the desk"})
    assert (done.json["status"], done.json["verification"]["method"]) == ("open", "staff")
    assert (await act(run, request, "verify", {"method": "staff", "note": "again"})).status == 409
    assert (await act(run, request, "verify", {"method": "code", "code": await code(run)})).status == 422


async def test_a_shared_address_proves_nobody(run):
    """Who has it with somebody else is not named by it, and gets no code there; one of his own is used instead."""
    await guest(run, "us@example.org", name="Ana Duarte")
    ben = await guest(run, "us@example.org", name="Ben Duarte")
    reply = await run.call("POST", REQUESTS, {"guest": "us@example.org", "kind": "access", "received_via": "letter"})
    assert reply.json["errors"][0]["code"] == "several-guests"
    request = await ask(run, whom={"guest_id": ben})
    assert (request["verification"]["method"], request["paused_since"], await letters(run)) == ("staff", None, [])
    assert (await act(run, request, "verify", {"method": "send"})).status == 409
    add = {"contacts": {"add": [{"kind": "phone", "address": "+351912345678"}]}}
    await run.call("PATCH", f"/communications/guests/{ben}", add)
    assert (await ask(run, whom={"guest_id": ben}))["verification"]["channel"] == "sms"
    assert (await letters(run))[0]["to"] == "+351912345678"


# -- clocks ----------------------------------------------------------------------------------------------------------


async def test_each_country_has_its_clock(run):
    """The guest's law, else the venue's, unless one is named; on the venue's calendar. Received on 2026-11-24."""
    for country, due in {
        "DE": "2026-12-24", "GB": "2026-12-24", "US": "2027-01-08", "CA": "2026-12-24", "AU": "2026-12-24",
        "NZ": "2026-12-22", "CH": "2026-12-24", "BR": "2026-12-09", "SG": "2026-12-24", "IN": "2027-02-22",
        "ZA": "2026-12-24", "JP": "2026-12-24", "AR": "2026-12-24", None: "2026-12-24",
    }.items():  # fmt: skip
        public = await guest(run, f"a{country}@example.org".lower(), country=country)
        assert (await ask(run, whom={"guest_id": public}))["due_date"] == due, country
    named = await ask(run, whom={"guest_id": public}, jurisdiction="BR")
    assert (named["jurisdiction"], named["due_date"], named["reasons"]) == ("BR", "2026-12-09", ["BR-1"])
    assert (await ask(run, whom={"guest_id": public}))["jurisdiction"] == "EU"


async def test_the_clock_stands_still_until_there_is_proof(run, clock):
    """The deadline moves by the whole days that it took; the hours are not given (DSR-2)."""
    await guest(run)
    request = await ask(run, received_at="2026-11-01T08:00:00Z")
    assert request["due_date"] == "2026-12-02"  # the first is a holiday in Portugal
    clock.forward(3.9 * DAY)
    assert (await act(run, request, "verify", {"method": "send"})).status == 200
    done = await act(run, request, "verify", {"method": "code", "code": await code(run)})
    assert (done.json["due_date"], done.json["reasons"]) == ("2026-12-04", ["DSR-1", "DSR-2"])
    assert done.json["paused_since"] is None


async def test_only_british_clocks_wait_for_answers(run, clock):
    """DSR-3: while the guest is asked which data he means; elsewhere the clock runs on."""
    await guest(run, country="GB")
    request = await proven(run)
    assert (await act(run, request, "resume")).status == 409
    assert (await act(run, request, "pause", {"note": "which stay?"})).json["paused_since"] is not None
    assert (await act(run, request, "pause", {"note": "which stay?"})).status == 409
    clock.forward(5 * DAY)
    assert (await act(run, request, "resume")).json["due_date"] == "2026-12-29"
    portuguese = await proven(run, whom={"guest_id": await guest(run, "eva@example.org")})
    assert (await act(run, portuguese, "pause", {"note": "which stay?"})).status == 409


async def test_an_extension_is_told_in_time_with_its_reason(run, clock):
    """DSR-4: two months more, once, and not after the first is over; the guest is written to."""
    await guest(run, language="pt-BR")
    request, late = await proven(run), await proven(run, "portability")
    done = await act(run, request, "extend", {"reason": "complex", "note": "four stays"})
    assert (done.status, done.json["due_date"], done.json["reasons"]) == (200, "2027-02-24", ["DSR-4"])
    letter = (await letters(run))[0]
    assert "R-1" in letter["subject"] and "24 de fevereiro de 2027" in letter["text"]
    assert "porque o caso não é simples" in letter["text"] and "queixar-se" in letter["text"]
    assert (await act(run, request, "extend", {"reason": "complex"})).status == 409
    clock.forward(31 * DAY)
    assert (await now(run, late))["overdue"] and not (await now(run, request))["overdue"]
    assert (await act(run, late, "extend", {"reason": "many_requests"})).status == 409


async def test_an_extension_needs_a_law_that_knows_it_and_a_guest_who_hears_of_it(run):
    """Australia's knows none; where no message reaches the guest staff notes how he was told."""
    await guest(run, country="AU")
    assert (await act(run, await proven(run), "extend", {"reason": "complex"})).status == 409
    nobody = await proven(run, whom="eve@example.org")
    assert (await act(run, nobody, "extend", {"reason": "complex"})).json["errors"][0]["pointer"] == "/note"
    assert (await act(run, nobody, "extend", {"reason": "complex", "note": "by letter"})).status == 200


async def test_alarms_come_before_the_deadline_and_after_it(run, clock):
    """A week before, and when it has passed, once each: as an event for webhooks and in the metrics; while the clock
    stands still there is none."""
    await guest(run)
    request, paused = await proven(run), await ask(run, "portability")
    rounds = run.gateway.parts.requests.rounds
    before = feed.last(run.gateway.db.reader)

    async def told():
        await rounds.go()
        await rounds.go()
        found, _ = await run.gateway.db.read(feed.after, Marks(*before), 10)
        payloads = run.gateway.parts.webhooks.payloads
        facts = [fact for fact in found if fact.source == "requests"]
        return [(await run.gateway.db.read(payloads.of, fact, False)).decode() for fact in facts]

    clock.forward(20 * DAY)
    assert await told() == []
    clock.forward(5 * DAY)
    (due,) = await told()
    assert '"type":"data_request.due"' in due and '"overdue":false' in due and '"due_date":"2026-12-24"' in due
    assert request["id"] in due and "ana" not in due.lower().replace("data", "")
    clock.forward(7 * DAY)
    assert '"overdue":true' in (await told())[1]
    assert [one["type"] for one in (await now(run, paused))["events"]] == ["opened", "code_sent"]
    metrics = (await run.local("GET", "/metrics")).raw.decode()
    assert 'gateway_data_requests{clock="overdue",kind="access"} 1.0' in metrics
    assert 'gateway_data_requests{clock="paused",kind="portability"} 1.0' in metrics


# -- what becomes of them --------------------------------------------------------------------------------------------


async def test_a_refusal_has_a_reason_and_says_where_to_complain(run):
    """From a closed list; what staff notes stays in the house."""
    await guest(run, language="de")
    request = await proven(run)
    assert (await act(run, request, "refuse", {"reason": "no time"})).status == 422
    done = await act(run, request, "refuse", {"reason": "excessive", "note": "eleventh time"})
    assert (done.json["status"], done.json["refusal"]) == ("refused", "excessive")
    text = (await letters(run))[0]["text"]
    assert "immer wieder verlangt" in text and "Datenschutzbehörde" in text and "eleventh" not in text
    for what, body in (("refuse", {"reason": "excessive"}), ("complete", {}), ("cancel", {})):
        assert (await act(run, request, what, body)).status == 409


async def test_an_objection_stops_advertising_at_once(run):
    """Without proof, for every address of the guest; what is not advertising still goes (EU-GDPR-3)."""
    two = [{"kind": "email", "address": ANA}, {"kind": "phone", "address": "+351912345678"}]
    public = await guest(run, contacts=two)
    await run.call("POST", "/communications/compliance/consent", {"guest": ANA} | YES)
    assert await reasons(run, NEWS | {"to": ANA}) == []
    request = await ask(run, "objection")
    assert request["status"] == "open" and request["verification"]["method"] == "none"
    assert await reasons(run, NEWS | {"to": ANA}) == ["CORE-SUP-1"]
    stops = (await run.call("GET", f"/communications/suppressions?guest={public}")).json["items"]
    assert [(one["scope"], one["source"]) for one in stops] == [("global", "objection")] * 2
    assert await reasons(run, BOOKING | {"to": ANA}) == []
    assert (await act(run, request, "complete", {})).json["status"] == "done"
    assert "advertising no more" in (await letters(run))[0]["text"]


async def test_a_restriction_lasts_until_it_is_lifted(run):
    """Nothing but what the law demands is sent from the proof on; lifting it is told before (GDPR art. 18(3))."""
    public = await guest(run)
    request = await ask(run, "restriction")
    assert await status(run, public) == "active"
    await act(run, request, "verify", {"method": "code", "code": await code(run)})
    assert await status(run, public) == "restricted"
    assert await reasons(run, BOOKING | {"to": ANA}) == ["CORE-SUP-9"]
    assert (await act(run, request, "complete", {})).json["status"] == "done"
    assert "nothing but what the law demands" in (await letters(run))[0]["text"]
    assert (await act(run, request, "cancel", {"note": "she agreed"})).json["status"] == "cancelled"
    assert await status(run, public) == "active" and "as before" in (await letters(run))[0]["text"]
    refused = await proven(run, "restriction")
    assert (await act(run, refused, "refuse", {"reason": "not_restrictable"})).status == 200
    assert await status(run, public) == "active"


async def test_what_ends_leaves_what_else_holds_the_guest(run):
    """A restriction that is lifted does not bring back who waits to be forgotten; nor the other way round."""
    public = await guest(run)
    restriction, erasure = await proven(run, "restriction"), await proven(run, "erasure")
    assert await status(run, public) == "erasure_pending"
    await act(run, restriction, "cancel", {})
    assert await status(run, public) == "erasure_pending"
    await proven(run, "restriction")
    assert await status(run, public) == "erasure_pending"
    await act(run, erasure, "cancel", {})
    assert await status(run, public) == "restricted"


async def test_a_correction_reaches_what_waits(run):
    """DSR-7: what is looked up goes where the guest now is; words with the old name are held for a person."""
    public = await guest(run, name="Anna Duarte")
    waits = {"deliver_at": "2026-12-01T10:00:00Z", "to": {"guest_id": public}}
    named = (await run.send(BOOKING | waits | {"text": "Dear Anna Duarte, see you."})).json["id"]
    plain = (await run.send(BOOKING | waits)).json["id"]
    request = await proven(run, "rectification")
    contact = (await run.call("GET", f"/communications/guests/{public}")).json["contacts"][0]["id"]
    changes = {"name": "Ana Duarte", "contacts": {"add": [{"kind": "email", "address": "ana.d@example.org"}],
                                                  "remove": [contact]}}  # fmt: skip
    wrong = await act(run, request, "complete", {"changes": {"timezone": "Nowhere"}})
    assert (wrong.status, (await now(run, request))["status"]) == (422, "open")
    assert (await act(run, request, "complete", {"changes": changes})).json["status"] == "done"
    assert [(await run.message(one))["status"] for one in (named, plain)] == ["held", "deferred"]
    assert (await run.message(named))["hold_reason"] == "needs_review"
    assert (await run.message(plain, "?include=content"))["content"]["to"] == "ana.d@example.org"
    content = (await run.call("GET", f"/communications/guests/{public}?include=content")).json["content"]
    assert content["name"] == "Ana Duarte"
    other = await proven(run, "access", whom="ana.d@example.org")
    assert (await act(run, other, "complete", {"changes": changes})).json["errors"][0]["pointer"] == "/changes"


# -- forgotten -------------------------------------------------------------------------------------------------------


async def test_an_erasure_has_days_of_grace(run, clock):
    """Nothing is sent from the proof on; who thinks better of it is as before; else he is erased when they are over."""
    public = await guest(run)
    request = await ask(run, "erasure")
    assert (await run.call("POST", REQUESTS, {"guest": ANA, "kind": "erasure", "received_via": "x"})).status == 409
    done = await act(run, request, "verify", {"method": "code", "code": await code(run)})
    assert (done.json["status"], done.json["erase_at"]) == ("grace", "2026-12-01T10:00:00Z")
    assert await status(run, public) == "erasure_pending"
    assert await reasons(run, BOOKING | {"to": ANA}) == ["CORE-SUP-9"]
    letter = (await letters(run))[0]["text"]
    assert "On 1 December 2026 everything is erased" in letter and "/undo" in letter
    assert (await act(run, request, "complete", {})).status == 409
    assert (await act(run, request, "cancel", {})).json["status"] == "cancelled"
    assert await status(run, public) == "active" and await reasons(run, BOOKING | {"to": ANA}) == []
    again = await proven(run, "erasure")
    clock.forward(7 * DAY - 1)
    await run.gateway.parts.requests.rounds.go()
    assert await status(run, public) == "erasure_pending"
    clock.forward(1)
    await run.gateway.parts.requests.rounds.go()
    assert (await run.call("GET", f"/communications/guests/{public}")).status == 404
    assert (await now(run, again))["status"] == "done"


async def test_grace_ends_a_day_before_the_deadline(run):
    """Whatever comes first (ERA-1); a deadline that has passed leaves none."""
    await guest(run)
    near = await proven(run, "erasure", received_at="2026-10-28T09:00:00Z")
    assert (near["due_date"], near["erase_at"]) == ("2026-11-30", "2026-11-30T00:00:00Z")
    past = await proven(
        run, "erasure", {"guest_id": await guest(run, "b@example.org")}, received_at="2026-01-01T00:00:00Z"
    )
    assert past["erase_at"] == "2026-11-24T10:00:00Z"


async def test_an_erasure_leaves_the_file_without_a_person(run):
    """`now` erases at once. The request stays, with its times; what was written about the guest does not, and what else
    he asked ends with it."""
    await guest(run, "forgotten.canary@example.org", name="Canary Person")
    whom = "forgotten.canary@example.org"
    other = await ask(run, "access", whom)
    request = await proven(run, "erasure", whom, note="canary called twice")
    await run.send(BOOKING | {"to": whom, "text": "Dear canary"})
    done = await act(run, request, "complete", {"now": True, "note": "canary was in a hurry"})
    assert (done.json["status"], done.json["closed_at"]) == ("done", "2026-11-24T10:00:00Z")
    assert (await now(run, other))["status"] == "cancelled"
    kept = (await run.call("GET", f"{REQUESTS}/{request['id']}?include=content")).json
    assert [(one["type"], one.get("note")) for one in kept["events"]] == [
        ("opened", None), ("code_sent", None), ("verified", None), ("completed", "canary was in a hurry"),
    ]  # fmt: skip
    assert (await run.call("GET", f"{REQUESTS}/{other['id']}/export")).status == 409
    assert (await act(run, request, "complete", {"now": True})).status == 409
    assert await run.gateway.db.read(lambda reader: reader.execute("SELECT count(*) FROM guests").fetchone()) == (1,)
    files = b"".join(path.read_bytes() for path in run.gateway.data.path.glob("gateway.db*"))
    assert b"forgotten.canary" not in files and b"Canary Person" not in files


async def test_a_legal_hold_keeps_what_was_to_be_erased(run, clock):
    """ERA-2: nothing goes, for nothing else is it used, and the guest is told once; when the hold ends, it goes at
    once. A guest who is held is not deleted at all."""
    public = await guest(run)
    request = await proven(run, "erasure")
    hold = f"/communications/guests/{public}/hold"
    assert (await run.call("POST", hold, {"reason": "a dispute about the bill"})).status == 201
    assert (await run.call("DELETE", f"/communications/guests/{public}")).status == 409
    assert (await act(run, request, "complete", {"now": True})).status == 409
    clock.forward(7 * DAY)
    for _ in range(2):
        await run.gateway.parts.requests.rounds.go()
    assert await status(run, public) == "restricted" and (await now(run, request))["status"] == "grace"
    assert ["the law makes us keep data" in one["text"] for one in await letters(run)] == [True, False, False]
    assert (await run.call("DELETE", hold)).status == 204
    await run.gateway.parts.requests.rounds.go()
    assert (await now(run, request))["status"] == "done"
    assert (await run.call("GET", f"/communications/guests/{public}")).status == 404


async def test_deleting_a_guest_opens_an_erasure(run, clock):
    """202 with the request, which nobody needs to prove and the guest is not written about; staff can take it back."""
    public = await guest(run)
    path = f"/communications/guests/{public}"
    assert (await run.call("DELETE", path, headers={"If-Match": '"9"'})).status == 412
    reply = await run.call("DELETE", path)
    assert (reply.status, reply.json["status"], reply.json["kind"]) == (202, "grace", "erasure")
    assert reply.headers["Location"] == f"{REQUESTS}/{reply.json['id']}"
    assert await status(run, public) == "erasure_pending" and await letters(run) == []
    assert (await run.call("DELETE", path)).json["id"] == reply.json["id"]
    assert (await act(run, reply.json, "cancel", {})).status == 200
    assert await status(run, public) == "active"
    assert (await run.call("DELETE", "/communications/guests/gst_x")).status == 404
    blind = {"Authorization": f"Bearer {await run.draw('privacy')}"}
    assert (await run.call("DELETE", path, headers=blind)).status == 403


async def test_files_are_kept_three_years(run, clock):
    """RET-1: one that ended goes then, one that waits does not."""
    await guest(run)
    over, waits = await proven(run), await proven(run, "portability")
    await act(run, over, "refuse", {"reason": "excessive"})
    clock.forward(3 * 365 * DAY)
    await run.gateway.parts.requests.rounds.forget_old()
    assert (await now(run, over))["status"] == "refused"
    clock.forward(4 * DAY)
    await run.gateway.parts.requests.rounds.forget_old()
    assert (await run.call("GET", f"{REQUESTS}/{over['id']}")).status == 404
    assert (await now(run, waits))["status"] == "open"
    assert data_requests.events(run.gateway.db.reader, 1) == []


async def test_where_nobody_delivers_staff_makes_sure(tmp_path, clock):
    """No sender, no code: the request is there all the same."""
    config = CONFIG.replace('email = "hello@quinta.example"\n', "")
    async with running(tmp_path, config, clock=clock, deliver=False) as run:
        await guest(run)
        assert (await ask(run))["verification"] == {
            "method": "staff", "channel": None, "expires_at": None, "tries_left": None, "verified_at": None,
            "verified_by": None,
        }  # fmt: skip
