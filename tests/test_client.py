"""The Python client against a real gateway: everything a program asks for, waiting or not."""

from datetime import UTC, date, datetime, timedelta

import pytest

from guest_gateway import Blocked, Conflict, Forbidden, Invalid, NotFound, Precondition, Unauthorized
from tests.people import PASSWORD, added
from tests.programs import KINDS, program
from tests.running import running

BOOKING = {"channel": "email", "class_": "transactional", "category": "booking", "subject": "Your stay",
           "text": "See you on Friday."}  # fmt: skip
NEWS = BOOKING | {"class_": "marketing", "category": "news", "declares": {"contains_promotion": True}}
ANA = "ana@example.org"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
async def run(tmp_path):
    async with running(tmp_path) as run:
        yield run


@pytest.fixture(params=KINDS)
async def app(request, run):
    """A program with a key for everything."""
    async with program(request.param, run.key, run.base) as app:
        yield app


def everybody(count):
    return [f"guest{number}@example.org" for number in range(count)]


# -- messages ---------------------------------------------------------------------------------------------------------


async def test_a_message_is_sent_and_its_story_told(run, app):
    """What is sent arrives; its states, times and judgement come back as types, its content to whoever asks for it."""
    sent = await app.ask(lambda gateway: gateway.messages.send(to=ANA, metadata={"booking": "4711"}, **BOOKING))
    await run.until(sent.id, "sent")
    message = await app.ask(lambda gateway: gateway.messages.get(sent.id, content=True))
    assert (sent.status, message.status, message.class_) == ("queued", "sent", "transactional")
    assert datetime.now(UTC) - message.created_at < timedelta(minutes=1)
    assert (message.content.to, message.content.metadata) == (ANA, {"booking": "4711"})
    assert [event.type for event in message.events] == ["accepted", "sent"]
    assert (message.compliance.decision, message.attempts[0].provider) == ("allow", "mail")


async def test_a_refusal_says_which_rule_and_what_to_do(app):
    """Blocked has the rules, their citations, the way out and the record; the record can be looked at."""
    with pytest.raises(Blocked) as refusal:
        await app.ask(lambda gateway: gateway.messages.send(to=ANA, **NEWS))
    error = refusal.value
    assert "EU-GDPR-1" in error.reasons or "EU-EPRIV-1" in error.reasons
    assert {one.rule for one in error.compliance.explanation} >= set(error.reasons)
    assert "consent" in error.hint and error.hint in str(error)
    assert (await app.ask(lambda gateway: gateway.messages.get(error.message_id))).status == "blocked"


async def test_a_list_goes_over_all_its_pages(app):
    """Whoever goes through a list sees every message once, newest first, whatever the size of a page; or some."""

    async def send(reference):
        return (await app.ask(lambda gateway: gateway.messages.send(to=ANA, reference=reference, **BOOKING))).id

    sent = [await send(reference) for reference in ("r0", "r1", "r0", "r1", "r0")]
    assert [one.id for one in await app.all(lambda gateway: gateway.messages.list(limit=2))] == sent[::-1]
    narrowed = await app.all(
        lambda gateway: gateway.messages.list(reference="r1", from_=datetime(2020, 1, 1, tzinfo=UTC))
    )
    assert [one.id for one in narrowed] == [sent[3], sent[1]]


async def test_a_message_is_stopped_and_sent_again(app):
    """A deferred one is cancelled; what was cancelled can be sent again as a new one; a second cancel is Conflict."""
    sent = await app.ask(lambda gateway: gateway.messages.send(to=ANA, deliver_at=LATER, **BOOKING))
    assert (await app.ask(lambda gateway: gateway.messages.cancel(sent.id))).status == "cancelled"
    with pytest.raises(Conflict):
        await app.ask(lambda gateway: gateway.messages.cancel(sent.id))
    again = await app.ask(lambda gateway: gateway.messages.retry(sent.id))
    assert (await app.ask(lambda gateway: gateway.messages.get(again.id))).retry_of == sent.id
    with pytest.raises(Conflict):
        await app.ask(lambda gateway: gateway.messages.release(again.id))


async def test_a_local_hour_of_the_guest_travels_as_it_is(app):
    """A time without an offset stays one, for the zone that is named with it."""
    nine = datetime(2098, 7, 1, 9)  # noqa: DTZ001 of whose clock is said beside it
    order = BOOKING | {"deliver_at": nine, "deliver_zone": "Asia/Tokyo"}
    sent = await app.ask(lambda gateway: gateway.messages.send(to=ANA, **order))
    message = await app.ask(lambda gateway: gateway.messages.get(sent.id))
    assert (sent.status, message.due_at) == ("deferred", datetime(2098, 7, 1, 0, tzinfo=UTC))


async def test_what_is_wrong_is_named_member_by_member(app):
    """Every fault has its pointer; what the key may not do and what does not exist have errors of their own."""
    with pytest.raises(Invalid) as wrong:
        await app.ask(lambda gateway: gateway.messages.send(to="nobody", **BOOKING | {"category": "Not a slug"}))
    assert {fault.pointer for fault in wrong.value.faults} == {"/category"}
    assert wrong.value.request_id.startswith("req_")
    with pytest.raises(Forbidden):
        await app.ask(lambda gateway: gateway.messages.send(to=ANA, **BOOKING | {"class_": "legal"}))
    with pytest.raises(NotFound):
        await app.ask(lambda gateway: gateway.messages.get("msg_/../../api-keys?"))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_key_is_told_so(run, kind):
    """Unauthorized, and none of the key in its text."""
    async with program(kind, "gk_nobody_secret", run.base) as stranger:
        with pytest.raises(Unauthorized) as refusal:
            await stranger.ask(lambda gateway: gateway.compliance.rules())
    assert "gk_nobody" not in str(refusal.value)


# -- batches ----------------------------------------------------------------------------------------------------------


async def test_a_batch_is_rehearsed_sent_and_watched_to_its_end(app):
    """A rehearsal stores nothing and counts the same; progress is told up to the last; its messages can be listed."""
    guests = [
        *everybody(20),
        "no address",
        {"to": {"email": "bo@example.org", "country": "SE"}, "metadata": {"table": "7"}},
    ]
    rehearsal = await app.ask(lambda gateway: gateway.batches.rehearse(guests, **BOOKING))
    assert (rehearsal.accepted, rehearsal.rejected_total, rehearsal.waits) == (21, 1, [])
    assert await app.all(lambda gateway: gateway.messages.list()) == []
    batch = await app.ask(lambda gateway: gateway.batches.send(guests, **BOOKING))
    assert (batch.accepted, [one.pointer for one in batch.rejected]) == (21, ["/recipients/20/to"])
    seen = await app.all(lambda gateway: gateway.batches.watch(batch.id))
    assert (seen[-1].status, seen[-1].counts, seen[-1].over) == ("finished", {"sent": 21}, True)
    assert await app.ask(lambda gateway: gateway.batches.get(batch.id)) == seen[-1]
    assert len(await app.all(lambda gateway: gateway.messages.list(batch=batch.id, limit=20))) == 21


async def test_one_faulty_recipient_may_refuse_all(app):
    """With `refuse_faulty` nothing is taken, and the place of the fault is named."""
    with pytest.raises(Invalid) as wrong:
        await app.ask(lambda gateway: gateway.batches.send([ANA, "no address"], refuse_faulty=True, **BOOKING))
    assert [fault.pointer for fault in wrong.value.faults] == ["/recipients/1/to"]
    assert await app.all(lambda gateway: gateway.messages.list()) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_rehearsal_says_who_would_wait_and_who_may_not(tmp_path, clock, kind):
    """Who is asleep is counted with the time at which he may be written to, who said no with the rule."""
    clock.forward(12 * 3600)  # 22:00 UTC
    asleep = {"phone": "+33612345678", "country": "FR", "timezone": "Europe/Paris"}
    news = {"channel": "sms", "class_": "marketing", "category": "news", "text": "The garden opens."}
    async with running(tmp_path, clock=clock, deliver=False) as run, program(kind, run.key, run.base) as app:
        await run.yes(asleep, kind="express_written", channels=["sms"])
        guests = [asleep, {"phone": "+491711234567", "country": "DE"}]
        rehearsal = await app.ask(lambda gateway: gateway.batches.rehearse(guests, **news))
    (wait,) = rehearsal.waits
    assert (rehearsal.deferred, wait.zone, wait.count) == (1, "Europe/Paris", 1)
    assert wait.until > datetime.fromtimestamp(clock.now() / 1000, UTC)
    assert (rehearsal.blocked, "CORE" in rehearsal.blocked_by[0].rule or "EU" in rehearsal.blocked_by[0].rule) == (
        1,
        True,
    )


async def test_a_batch_is_called_off_and_has_nothing_to_send_again(app):
    """What has not left is stopped; since none of it failed, sending again is Conflict."""
    batch = await app.ask(lambda gateway: gateway.batches.send(everybody(3), **BOOKING | {"deliver_at": LATER}))
    assert (await app.ask(lambda gateway: gateway.batches.cancel(batch.id))).counts == {"cancelled": 3}
    (last,) = await app.all(lambda gateway: gateway.batches.watch(batch.id))
    assert last.status == "cancelled"
    with pytest.raises(Conflict):
        await app.ask(lambda gateway: gateway.batches.resend(batch.id))


# -- the law ----------------------------------------------------------------------------------------------------------


async def test_a_consent_opens_what_a_stop_closes_again(app):
    """The law says no, yes after the consent, no after the stop; the consents of that time can still be read."""
    known = await app.ask(lambda gateway: gateway.messages.send(to={"email": ANA, "country": "PT"}, **BOOKING))
    guest = (await app.ask(lambda gateway: gateway.messages.get(known.id))).guest_id
    proof = {"source": "web_form", "wording_version": "2026-01", "proof_ref": "form 17"}

    async def decision():
        return (await app.ask(lambda gateway: gateway.compliance.check(to=ANA, **NEWS))).decision

    assert await decision() == "deny"
    recorded = await app.ask(lambda gateway: gateway.compliance.consent(ANA, categories=["news"], **proof))
    assert (recorded.counts, recorded.missing, await decision()) == (True, [], "allow")
    agreed = await app.ask(lambda gateway: gateway.compliance.consents(guest, at=datetime.now(UTC)))
    assert (agreed.guest_id, [one["categories"] for one in agreed.consents]) == (guest, [["news"]])
    stop = await app.ask(lambda gateway: gateway.compliance.unsubscribe(ANA, source="front_desk"))
    assert (stop.scope, stop.channels, await decision()) == ("channel", ["email"], "deny")


async def test_the_law_is_asked_about_what_might_be(app):
    """A supposed case with a time of its own is judged; a rule can be read with its citation."""
    given = {
        "now": "2026-11-24T22:00:00Z",
        "venue": {"country": "PT"},
        "recipient": {"country": "FR", "timezone": "Europe/Paris"},
        "message": {"channel": "sms", "class": "informational", "features": {"sender_identity": True}},
    }
    judged = await app.ask(lambda gateway: gateway.compliance.suppose(given))
    assert judged.decision in {"allow", "defer", "deny"} and judged.rules_version
    book = await app.ask(lambda gateway: gateway.compliance.rules())
    assert await app.ask(lambda gateway: gateway.compliance.rule("EU-DE-1")) in book.items


async def test_the_rulebook_tells_what_was_meant_and_by_when(app):
    """An answer is understood, a deadline is a day, a text is counted."""
    then = datetime(2026, 11, 24, 18, tzinfo=UTC)
    heard = await app.ask(lambda gateway: gateway.compliance.inbound("STOP", channel="sms", country="US", now=then))
    assert (heard.action, heard.confirmation_until) == ("opt_out", datetime(2026, 11, 24, 18, 5, tzinfo=UTC))
    paused = [{"from": then, "to": datetime(2026, 11, 27, 18, tzinfo=UTC)}]
    due = await app.ask(
        lambda gateway: gateway.compliance.deadline(
            "access", jurisdiction="EU", received_at=then, timezone="Europe/Lisbon", country="PT", pauses=paused
        )
    )
    assert (due.due_date, due.due_at) == (date(2026, 12, 28), None)
    assert (await app.ask(lambda gateway: gateway.compliance.segments("ç" * 71))).segments == 2


# -- who may come in --------------------------------------------------------------------------------------------------


async def test_a_key_lives_from_its_drawing_to_its_end(run, app):
    """Drawn with a secret that works, changed only in the version it was read in, replaced, ended; always listed."""
    drawn = await app.ask(lambda gateway: gateway.api_keys.draw("booking system", ["read"], expires_at=LATER))
    assert drawn.key and drawn.expires_at == LATER
    async with program("awaits", drawn.key, run.base) as other:
        assert await other.all(lambda gateway: gateway.messages.list()) == []
    changed = await app.ask(
        lambda gateway: gateway.api_keys.change(drawn.id, version=drawn.version, name="bookings", expires_at=None)
    )
    assert (changed.name, changed.expires_at, changed.scopes, changed.key) == ("bookings", None, ["read"], None)
    with pytest.raises(Precondition):
        await app.ask(lambda gateway: gateway.api_keys.change(drawn.id, version=drawn.version, name="other"))
    after = await app.ask(lambda gateway: gateway.api_keys.rotate(drawn.id, overlap=0))
    assert (after.principal, after.scopes) == (drawn.principal, ["read"])
    assert await app.ask(lambda gateway: gateway.api_keys.revoke(after.id)) is None
    assert (await app.ask(lambda gateway: gateway.api_keys.get(after.id))).revoked_at
    assert {drawn.id, after.id} <= {one.id for one in await app.all(lambda gateway: gateway.api_keys.list(limit=1))}


@pytest.mark.parametrize("kind", KINDS)
async def test_people_are_added_sign_in_and_go(run, kind):
    """A user chooses his password with the code, signs in, stays in, goes out; then he is promoted, and removed."""
    owner = await added(run, "owner")
    async with program(kind, None, run.base) as door:
        token = await door.ask(lambda gateway: gateway.auth.sign_in(owner.email, PASSWORD))
        async with program(kind, token.access_token, run.base) as app:
            user = await app.ask(lambda gateway: gateway.users.add("bo@quinta.example", "Bo", "reader"))
            code = await app.ask(lambda gateway: gateway.users.setup_code(user.id))
            assert (await door.ask(lambda gateway: gateway.auth.set_up(code.setup_code, PASSWORD))).id == user.id
            with pytest.raises(Unauthorized):
                await door.ask(lambda gateway: gateway.auth.sign_in("bo@quinta.example", "zwei Kaffee am Abend"))
            theirs = await door.ask(lambda gateway: gateway.auth.sign_in("bo@quinta.example", PASSWORD))
            theirs = await door.ask(lambda gateway: gateway.auth.refresh(theirs.refresh_token))
            async with program(kind, theirs.access_token, run.base) as person:
                assert (await person.ask(lambda gateway: gateway.auth.begin_totp(PASSWORD))).uri.startswith("otpauth:")
                await person.ask(lambda gateway: gateway.auth.end_totp(PASSWORD))
                assert await person.ask(lambda gateway: gateway.auth.sign_out())
            changed = await app.ask(lambda gateway: gateway.users.change(user.id, role="admin"))
            assert (changed.role, changed.ready) == ("admin", True)
            await app.ask(lambda gateway: gateway.users.remove(user.id, version=changed.version))
            assert [one.id for one in await app.all(lambda gateway: gateway.users.list())] == [owner.id]
        assert (await door.ask(lambda gateway: gateway.auth.keys())).keys[0]["kty"] == "OKP"
        assert (await door.ask(lambda gateway: gateway.auth.exchange(run.key))).refresh_token is None
