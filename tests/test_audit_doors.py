"""Whatever changes something, or shows what is about people, leaves an entry: who, what, and on which thing.

The walk goes through every such door of the API. One that is added belongs into it, or into NO_TRACE. What guests do on
their own pages is looked at where the pages are.
"""

import base64

import pytest

from gateway import ids, totp
from gateway.config import load
from gateway.web import app
from tests.people import PASSWORD, person, sign_in
from tests.running import BOOKING, CONFIG, YES, running
from tests.webhook_peer import NAME, leading

P = "/communications"
NO_TRACE = {
    "POST /communications/guests/search",  # answers with ids; with content it is read, and is walked through
    "POST /communications/templates/{id}/preview",
    "POST /communications/compliance/check",
    "POST /communications/compliance/deadline",
    "POST /communications/compliance/inbound",
    "POST /communications/compliance/segments",
    "POST /communications/audit/proof",
    "POST /communications/compliance/consent/receipt/check",  # by whoever holds it; what is told of it tells of nobody
}
"""Doors that take a body, change nothing, and show nothing that is about anybody."""
ANA = {"email": "ana@example.org", "country": "PT"}
BELA = {"contacts": [{"kind": "email", "address": "bela@example.org"}], "name": "Bela", "country": "PT"}
CLEO = {"contacts": [{"kind": "email", "address": "cleo@example.org"}], "country": "PT", "source": "the couple"}
ORDER = BOOKING | {"to": "ana@example.org"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CSV = {"Content-Type": "text/csv"}


class Walk:
    """Goes through doors, one after the other, and looks at the record after each."""

    def __init__(self, run):
        self.run, self.seen, self.bearer = run, set(), run.key

    @property
    def size(self):
        return self.run.gateway.db.reader.execute("SELECT max(seq) FROM audit").fetchone()[0]

    async def through(self, door, action, object_=None, body=None, *, query="", local=False, headers=None, **path):
        """Pass a door; it must leave an entry of this action, by whoever came, on this object (a text that it begins
        with, or the id in the path)."""
        before = self.size
        method, template = door.split(" ")
        address = template.format(**path) + query
        if local:
            reply = await self.run.local(method, address, body)
        else:
            given = {"Authorization": f"Bearer {self.bearer}"} | (headers or {})
            reply = await self.run.call(method, address, body, headers=given)
        assert reply.status < 400, (door, reply.json)
        found = (await self.run.call("GET", f"{P}/audit?limit=200&action={action}")).json["items"]
        found = [one for one in found if one["seq"] > before]
        assert found, f"{door} left no {action}"
        wanted = object_ or path.get("id") or path.get("event")
        assert any(one["object"].startswith(wanted) for one in found), (door, wanted, found)
        assert all(one["actor"] not in ("", "nobody") for one in found)
        self.seen.add(door)
        return reply.json


@pytest.fixture
async def walk(tmp_path, clock, monkeypatch):
    """An open gateway that does not deliver, and a webhook's name behind which nobody listens."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    config = CONFIG + '[egress]\nallow = ["127.0.0.1:9"]\n'
    async with running(tmp_path, config, clock, deliver=False) as run:
        yield Walk(run)


async def test_every_act_and_every_look_at_a_person_leaves_an_entry(walk):
    """One walk through all doors that change something or show what is sealed; then no door is left."""
    await messages(walk)
    await guests(walk)
    await consents(walk)
    await replies(walk)
    await requests(walk)
    await complaints(walk)
    await breaches(walk)
    await lists(walk)
    await templates(walk)
    await webhooks(walk)
    await keys_and_users(walk)
    await one_self(walk)
    await the_socket(walk)
    await abuse(walk)
    await access(walk)
    doors = app.doors(app.MAIN)
    acts = {door.name for door in doors if door.method != "GET" and door.path.startswith(P)}
    looks = {door.name for door in doors if "include" in getattr(door.query, "__struct_fields__", ())}
    assert (acts | looks) - walk.seen - NO_TRACE == set()


async def messages(walk):
    """Sent, looked at, cancelled, released, sent again; to many."""
    send, later = f"POST {P}/messages/send", ORDER | {"deliver_at": "2099-01-01T00:00:00Z"}
    sent = (await walk.through(send, "message.accepted", "msg_", later))["id"]
    await walk.through(f"GET {P}/messages/{{id}}", "content.read", query="?include=content", id=sent)
    await walk.through(f"GET {P}/messages", "content.read", "m", query="?include=content")
    await walk.through(f"POST {P}/messages/{{id}}/cancel", "message.cancelled", id=sent)
    await walk.through(f"POST {P}/messages/{{id}}/retry", "message.accepted", "msg_", id=sent)
    held = (await walk.run.send(ORDER)).json["id"]
    hold = "UPDATE outbox SET lease = 2 WHERE message_id = (SELECT id FROM messages WHERE uuid = ?)"
    await walk.run.gateway.db.do(lambda tx: tx.execute(hold, [ids.parse("msg", held)]))
    await walk.through(f"POST {P}/messages/{{id}}/release", "message.released", id=held)
    many = {key: value for key, value in later.items() if key != "to"} | {"recipients": [{"to": ANA["email"]}]}
    once = {"Idempotency-Key": "one"}
    batch = (await walk.through(f"POST {P}/messages/bulk", "batch.accepted", "bat_", many, headers=once))["id"]
    await walk.through(f"POST {P}/batches/{{id}}/cancel", "batch.cancelled", id=batch)
    failed = "UPDATE messages SET state = 'failed' WHERE batch_id IS NOT NULL"
    await walk.run.gateway.db.do(lambda tx: tx.execute(failed))
    await walk.through(f"POST {P}/batches/{{id}}/resend", "batch.accepted", "bat_", id=batch)


async def guests(walk):
    """Guests, what they agreed to, and their stops."""
    guest = (await walk.through(f"POST {P}/guests", "guest.created", "gst_", BELA))["id"]
    await walk.through(f"GET {P}/guests/{{id}}", "content.read", query="?include=content", id=guest)
    await walk.through(f"PATCH {P}/guests/{{id}}", "guest.edited", None, {"country": "ES"}, id=guest)
    await walk.through(f"GET {P}/guests", "content.read", "g", query="?include=content")
    found = {"email": "bela@example.org"}
    await walk.through(f"POST {P}/guests/search", "content.read", "gst_", found, query="?include=content")
    await walk.through(f"POST {P}/compliance/consent", "consent.grant", "con_", {"guest": ANA, "kind": "express"} | YES)
    token = walk.run.gateway.vault.links.make("unsubscribe", b"b" * 16, "email", b"m" * 16, 20_000)
    await walk.through("POST /u/{token}", "suppression.added", "sup_", b"", headers=FORM, token=token)
    stop = {"guest": {"email": "bela@example.org"}, "source": "staff"}
    await walk.through(f"POST {P}/compliance/unsubscribe", "suppression.added", "sup_", stop)
    made = await walk.through(f"POST {P}/suppressions", "suppression.added", "sup_", stop | {"scope": "global"})
    await walk.through(f"GET {P}/suppressions/{{id}}", "content.read", query="?include=content", id=made["id"])
    await walk.through(f"GET {P}/suppressions", "content.read", "sup", query="?include=content")
    why = {"reason": "Written by mistake."}
    await walk.through(f"POST {P}/suppressions/{{id}}/lift", "suppression.lifted", None, why, id=made["id"])


async def abuse(walk):
    """Who is held up, from where, and that he is let go."""
    for number in range(10):
        await walk.run.call("GET", f"/nowhere/{number}", headers={"Authorization": None})
    await walk.run.gateway.db.do(lambda tx: None)  # what nobody waits for is on disk too
    found = await walk.through(f"GET {P}/abuse", "content.read", "abuse", query="?include=address")
    await walk.through(f"POST {P}/abuse/{{id}}/lift", "abuse.lifted", id=found["items"][0]["id"])


async def access(walk):
    """Who is turned away, why, and that he is let in again."""
    rule = {"verdict": "deny", "network": "203.0.113.0/24", "reason": "tries keys"}
    made = await walk.through(f"POST {P}/access-rules", "access.deny", "acl_", rule)
    await walk.through(f"GET {P}/access-rules", "content.read", "access-rules", query="?include=content")
    await walk.through(f"GET {P}/access-rules/{{id}}", "content.read", query="?include=content", id=made["id"])
    await walk.through(f"DELETE {P}/access-rules/{{id}}", "access.removed", id=made["id"])


async def replies(walk):
    """What a guest wrote back, who read it, and what was made of it."""
    unclear = {"channel": "sms", "from": "+351912345678", "text": "I can't stop smiling"}
    held = await walk.through(f"POST {P}/replies", "reply.taken", "rep_", unclear)
    await walk.through(f"GET {P}/replies", "content.read", "rep_", query="?include=content")
    await walk.through(f"GET {P}/replies/{{id}}", "content.read", query="?include=content", id=held["id"])
    await walk.through(f"POST {P}/replies/{{id}}/decide", "reply.decided", None, {"action": "none"}, id=held["id"])


async def complaints(walk):
    """What somebody complains of, that it was confirmed and answered."""
    path, said = f"{P}/compliance/complaints", {"words": "You wrote to me.", "received_via": "letter"}
    made = await walk.through(f"POST {path}", "complaint.recorded", "cmp_", said)
    await walk.through(f"GET {path}", "content.read", "cmp_", query="?include=content")
    await walk.through(f"GET {path}/{{id}}", "content.read", query="?include=content", id=made["id"])
    await walk.through(f"POST {path}/{{id}}/acknowledge", "complaint.acknowledged", None, {}, id=made["id"])
    await walk.through(f"POST {path}/{{id}}/close", "complaint.closed", None, {"answer": "We stopped."}, id=made["id"])


async def consents(walk):
    """What guests are asked, in which words, and that nothing of somebody goes."""
    law, email = f"{P}/compliance", {"channels": ["email"], "categories": ["*"]}
    words = {"version": "2026-11", "language": "en", "text": "I would like to hear from you."} | email
    await walk.through(f"POST {law}/wordings", "wording.kept", "wrd_", words)
    asked = {"guest": {"email": "dora@example.org", "country": "PT"}, "wording_version": "2026-11"}
    await walk.through(f"POST {law}/consent/ask", "consent.asked", "ask_", asked)
    made = await walk.run.call("POST", f"{P}/guests", CLEO)
    first = {"guests": ["cleo@example.org"], "wording_version": "2026-11"}
    await walk.through(f"POST {law}/consent/ask-first", "consent.asked", "ask_", first)
    guest = made.json["id"]
    query = f"?guest={guest}&include=content"
    await walk.through(f"GET {law}/consent", "content.read", "g", query=query)
    hold = f"{P}/guests/{{id}}/hold"
    await walk.through(f"POST {hold}", "hold.placed", None, {"reason": "A claim."}, id=guest)
    await walk.through(f"GET {hold}", "content.read", None, query="?include=content", id=guest)
    await walk.through(f"DELETE {hold}", "hold.ended", id=guest)
    await walk.through(f"POST {law}/retention/run", "retention.ran", "retention", {})


async def requests(walk):
    """What guests ask about their data, from its beginning to its end."""
    door = f"{P}/compliance/data-request"
    asking = {"guest": "cleo@example.org", "received_via": "phone", "jurisdiction": "UK"}

    async def act(what, type_, request, body=None):
        await walk.through(f"POST {door}/{{id}}/{what}", f"data_request.{type_}", None, body, id=request)

    async def opened(kind):
        body = asking | {"kind": kind}
        made = (await walk.through(f"POST {door}", "data_request.opened", "req_", body))["id"]
        await act("verify", "verified", made, {"method": "staff", "note": "She stood at the desk."})
        return made

    copy = await opened("access")
    await walk.through(f"GET {door}/{{id}}", "content.read", query="?include=content", id=copy)
    await act("extend", "extended", copy, {"reason": "complex"})
    await act("pause", "paused", copy, {"note": "Which stay?"})
    await act("resume", "resumed", copy)
    await act("redact", "redacted", copy, {"words": ["Zelda"]})
    await walk.through(f"GET {door}/{{id}}/export", "data_request.exported", id=copy)
    await act("complete", "completed", copy, {})
    await act("refuse", "refused", await opened("portability"), {"reason": "excessive"})
    await act("cancel", "cancelled", await opened("access"), {})
    found = {"email": "cleo@example.org"}
    guest = (await walk.run.call("POST", f"{P}/guests/search", found)).json["items"][0]["id"]
    await walk.through(f"DELETE {P}/guests/{{id}}", "data_request.opened", "req_", id=guest)


async def breaches(walk):
    """The register, and the guests told."""
    walk.bearer = await walk.run.draw("privacy", "read.content", "send.legal")
    order = {"noticed_at": "2026-11-24T09:00:00Z", "facts": "A list went astray.", "filter": {}}
    made = (await walk.through(f"POST {P}/compliance/breaches", "breach.recorded", "bre_", order))["id"]
    content = "?include=content"
    await walk.through(f"GET {P}/compliance/breaches/{{id}}", "content.read", query=content, id=made)
    await walk.through(f"GET {P}/compliance/breaches", "content.read", "bre", query=content)
    await walk.through(f"PATCH {P}/compliance/breaches/{{id}}", "breach.changed", None, {"people": 3}, id=made)
    names = ("what_happened", "what_it_means", "what_we_do", "what_you_can_do")
    words, once = {"variables": dict.fromkeys(names, "…")}, {"Idempotency-Key": "two"}
    await walk.through(
        f"POST {P}/compliance/breaches/{{id}}/notices", "breach.told", None, words, headers=once, id=made
    )
    walk.bearer = walk.run.key


async def lists(walk):
    """Whole lists, in and out."""
    table = b"email,country\ndina@example.org,PT\n"
    await walk.through(f"POST {P}/guests/import", "guests.imported", "imp_", table, headers=CSV)
    await walk.through(f"GET {P}/guests/export", "guests.exported", "guests")
    await walk.through(f"GET {P}/guests/export", "content.read", "guests", query="?include=content")


async def templates(walk):
    """Words, and a message printed from them."""
    words = {"name": "welcome", "channel": "email", "language": "en", "subject": "Hello", "text": "Welcome."}
    made = (await walk.through(f"POST {P}/templates", "template.added", "tpl_", words))["id"]
    await walk.through(f"PATCH {P}/templates/{{id}}", "template.edited", None, {"text": "Be welcome."}, id=made)
    printed = {"template": "welcome", "to": ANA["email"], "class": "transactional", "category": "booking",
               "declares": {"contains_promotion": False}}  # fmt: skip
    await walk.through(f"POST {P}/messages/template", "message.accepted", "msg_", printed)
    await walk.through(f"DELETE {P}/templates/{{id}}", "template.removed", id=made)


async def webhooks(walk):
    """Where events go."""
    hook = {"url": f"https://{NAME}:9/in"}
    made = (await walk.through(f"POST {P}/webhooks", "webhook.created", "whk_", hook))["id"]
    await walk.through(f"PATCH {P}/webhooks/{{id}}", "webhook.changed", None, {"include_metadata": True}, id=made)
    await walk.through(f"POST {P}/webhooks/{{id}}/rotate", "webhook.rotated", None, {}, id=made)
    event = (await walk.through(f"POST {P}/webhooks/{{id}}/test", "webhook.tested", "evt_", id=made))["id"]
    replay = f"POST {P}/webhooks/{{id}}/deliveries/{{event}}/replay"
    await walk.through(replay, "webhook.replayed", event, id=made, event=event)
    await walk.through(f"DELETE {P}/webhooks/{{id}}", "webhook.removed", id=made)


async def keys_and_users(walk):
    """Who may come in, and who looked at their names."""
    order = {"name": "desk", "scopes": ["read"]}
    made = (await walk.through(f"POST {P}/api-keys", "apikey.created", "key_", order))["id"]
    await walk.through(f"PATCH {P}/api-keys/{{id}}", "apikey.changed", None, {"name": "hall"}, id=made)
    await walk.through(f"POST {P}/api-keys/{{id}}/rotate", "apikey.rotated", "key_", {}, id=made)
    await walk.through(f"DELETE {P}/api-keys/{{id}}", "apikey.revoked", id=made)
    order = {"email": "rui@quinta.example", "name": "Rui", "role": "reader"}
    made = (await walk.through(f"POST {P}/users", "user.created", "usr_", order))["id"]
    await walk.through(f"GET {P}/users", "user.read", "users")
    await walk.through(f"GET {P}/users/{{id}}", "user.read", id=made)
    await walk.through(f"PATCH {P}/users/{{id}}", "user.changed", None, {"role": "reception"}, id=made)
    code = (await walk.through(f"POST {P}/users/{{id}}/setup-code", "user.setup_code", id=made))["setup_code"]
    chosen = {"code": code, "password": PASSWORD}
    await walk.through(f"POST {P}/auth/setup", "user.password", made, chosen)
    await walk.through(f"DELETE {P}/users/{{id}}", "user.removed", id=made)


async def one_self(walk):
    """What people do about themselves; going out comes last."""
    someone = await person(walk.run, "owner")
    walk.bearer = someone.access
    proof, auth = {"password": PASSWORD}, f"{P}/auth"
    secret = (await walk.through(f"POST {auth}/totp", "user.totp_begun", someone.id, proof))["secret"]
    step = walk.run.gateway.clock.now() // totp.STEP_MS
    code = {"code": totp.code(base64.b32decode(secret), step)}
    await walk.through(f"POST {auth}/totp/confirm", "user.totp_on", someone.id, code)
    await walk.through(f"POST {auth}/totp/off", "user.totp_off", someone.id, proof)
    new = {"old_password": PASSWORD, "password": f"{PASSWORD} immer"}
    await walk.through(f"POST {auth}/password", "user.password", someone.id, new)
    order = {"grant": "password", "email": someone.email, "password": f"{PASSWORD} immer"}
    walk.bearer = (await walk.through(f"POST {auth}/token", "session.started", "ses_", order))["access_token"]
    await walk.through(f"POST {auth}/logout", "session.ended", "ses_")
    walk.bearer = walk.run.key


async def the_socket(walk):
    """What the commands of this machine do: users, keys, lists, reports."""
    order = {"email": "eva@quinta.example", "name": "Eva", "role": "reader"}
    made = (await walk.through("POST /local/users", "user.created", "usr_", order, local=True))["id"]
    await walk.through("POST /local/users/password", "user.setup_code", made, {"user": made}, local=True)
    await walk.through("POST /local/users/totp", "user.totp_begun", made, {"user": made}, local=True)
    await walk.through("POST /local/key/jwt", "key.rotated", "jwt", {}, local=True)
    await walk.through("GET /local/suppressions/export", "suppressions.exported", "suppressions", local=True)
    await walk.through("GET /local/audit/report", "audit.exported", "2026", query="?period=2026", local=True)


async def test_a_look_without_content_leaves_nothing(walk):
    """The positive control from the other side: what shows nobody adds nothing to the record."""
    before = walk.size
    for path in ("messages", "guests", "suppressions", "templates", "webhooks", "api-keys", "audit", "analytics"):
        assert (await walk.run.call("GET", f"{P}/{path}")).status == 200
    assert walk.size == before


async def test_refused_credentials_are_counted_in_the_record_once_a_minute(walk):
    """Whoever guesses is in the record, and cannot fill it: one entry with the number of attempts."""
    before = walk.size
    for key in ("wrong", "gk_abcdefgh_wrong"):
        reply = await walk.run.call("GET", f"{P}/messages", headers={"Authorization": f"Bearer {key}"})
        assert reply.status == 401
    assert (await sign_in(walk.run, "nobody@quinta.example", "wrong")).status == 401
    await walk.run.gateway.people.tidy(False)
    await walk.run.gateway.people.tidy(False)
    found = (await walk.run.call("GET", f"{P}/audit?action=session.refused")).json["items"]
    assert [(one["actor"], one["object"]) for one in found] == [("nobody", "attempts:3")]
    assert walk.size == before + 1


async def test_start_settings_and_end_are_in_the_record(tmp_path, clock):
    """When the gateway ran, and under which settings and rules; a reload that changes something has another hash."""
    async with running(tmp_path, clock=clock) as run:
        (taken,) = (await run.call("GET", f"{P}/audit?action=config")).json["items"]
        (tmp_path / "config.toml").write_text(CONFIG.replace("Flores", "Rosas"))
        assert await run.gateway.reload(load(tmp_path / "config.toml", {})) == []
        newer, same = (await run.call("GET", f"{P}/audit?action=config.taken")).json["items"]
        assert same == taken and newer["data_hash"] != taken["data_hash"]
        assert newer["object"] == taken["object"] and taken["object"].startswith("rules:")
    async with running(tmp_path, clock=clock) as run:
        actions = [one["action"] for one in (await run.call("GET", f"{P}/audit?action=gateway")).json["items"]]
        assert actions == ["gateway.started", "gateway.stopped", "gateway.started"]
