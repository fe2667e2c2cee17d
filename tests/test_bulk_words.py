"""The words of a batch: Liquid in the request or a template in many languages, printed with what is the guest's own."""

import email
from email import policy

import pytest

from tests.running import BOOKING, CONFIG, running
from tests.smtp_peer import Peer, receiving
from tests.test_bulk import finished, send
from tests.test_delivery import OUTBOX, SMTP

LIQUID = BOOKING | {
    "subject": "{{ name }}, your table",
    "text": "Dear {{ name }}, you sit at {{ table }}. {{ closing }}",
    "html": "<p>Dear {{ name }}, table {{ table }}</p>",
    "variables": {"closing": "See you"},
}
GUESTS = [
    {"to": "ana@example.org", "variables": {"name": "Ana", "table": 7}},
    {"to": "bo@example.org", "variables": {"name": "Bo <b>", "table": 8, "closing": "Hej"}},
]
DOOR = "/communications/messages/template"
MANY = {"class": "transactional", "category": "booking", "template": "welcome"}


@pytest.fixture
async def run(tmp_path):
    """A gateway that delivers into its outbox."""
    async with running(tmp_path) as run:
        yield run


async def words(run, public):
    """The content of every message of a batch, by address."""
    page = await run.call("GET", f"/communications/messages?batch={public}&include=content")
    return {item["content"]["to"]: item["content"] for item in page.json["items"]}


async def keep(run, language, text, **more):
    body = {"name": "welcome", "channel": "email", "language": language, "subject": "{{ name }}", "text": text,
            "schema": {"name": {"sample": "Ana"}}}  # fmt: skip
    assert (await run.call("POST", "/communications/templates", body | more)).status == 201


async def test_each_guest_gets_his_own_words(run):
    """Printed with his variables, or those given for all; escaped in the page and not in the text; what can be looked
    up is what was sent."""
    public = (await send(run, GUESTS, LIQUID)).json["id"]
    assert (await finished(run, public))["counts"] == {"sent": 2}
    found = await words(run, public)
    assert found["ana@example.org"]["text"] == "Dear Ana, you sit at 7. See you"
    assert found["bo@example.org"]["text"] == "Dear Bo <b>, you sit at 8. Hej"
    assert found["bo@example.org"]["html"] == "<p>Dear Bo &lt;b&gt;, table 8</p>"
    assert found["bo@example.org"]["subject"] == "Bo <b>, your table"
    mails = {mail["To"]: mail for mail in (email.message_from_bytes(raw, policy=policy.SMTP) for raw in run.mails())}
    assert "you sit at 7" in mails["ana@example.org"].get_body(("plain",)).get_content()
    assert mails["ana@example.org"]["Subject"] == "Ana, your table"


async def test_who_lacks_a_variable_is_left_out(run):
    """He is listed with a pointer into his variables; the others go. Without Liquid nothing is lacking."""
    reply = await send(run, [*GUESTS, {"to": "cy@example.org", "variables": {"name": "Cy"}}], LIQUID)
    assert (reply.json["accepted"], reply.json["rejected_total"]) == (2, 1)
    (rejected,) = reply.json["rejected"]
    assert (rejected["index"], rejected["pointer"]) == (2, "/recipients/2/variables/table")
    assert (await send(run, [{"to": "cy@example.org"}], key="plain")).json["accepted"] == 1


async def test_liquid_that_cannot_be_read_is_refused_with_its_place(run):
    """422 `template` with line and column; nothing is stored."""
    reply = await send(run, GUESTS, LIQUID | {"text": "Dear\n{% if name %}"})
    assert (reply.status, reply.json["type"]) == (422, "urn:guest-gateway:problem:template")
    assert reply.json["errors"][0]["pointer"] == "/text"
    assert "line" in reply.json["errors"][0]["detail"]
    assert (await run.call("GET", "/communications/messages")).json["items"] == []


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"template": "welcome"}, {("/subject", "too-much"), ("/text", "too-much")}),
        ({"text": None}, {("/text", "missing")}),
        ({"channel": None, "text": None}, {("/channel", "missing"), ("/text", "missing")}),
        ({"template": "nobody", "text": None, "subject": None}, {("/template", "unknown-template")}),
    ],
)
async def test_the_words_come_from_one_place(run, change, faults):
    """From the request or from a template that is there, never from both or neither."""
    await keep(run, "en", "Dear {{ name }}")
    reply = await send(run, GUESTS, BOOKING, **change)
    assert (reply.status, {(one["pointer"], one["code"]) for one in reply.json["errors"]}) == (422, faults)
    assert (await send(run, GUESTS, BOOKING)).status == 202


async def test_a_template_speaks_each_guests_language(run):
    """His, the wider one, or the venue's; whoever has none of them is left out; the message names the version."""
    for language, text in (("pt", "Olá {{ name }}"), ("de", "Hallo {{ name }}"), ("en", "Dear {{ name }}")):
        await keep(run, language, text)
    people = (("ana", "pt-BR"), ("dora", "de"), ("yuki", "ja"))
    listed = [
        {"to": {"email": f"{name}@example.org", "language": language}, "variables": {"name": name.title()}}
        for name, language in people
    ]
    body = MANY | {"recipients": listed}
    reply = await run.call("POST", DOOR, body, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.json["accepted"]) == (202, 3)
    await finished(run, reply.json["id"])
    found = await words(run, reply.json["id"])
    assert {one["text"] for one in found.values()} == {"Olá Ana", "Hallo Dora", "Dear Yuki"}
    page = (await run.call("GET", f"/communications/messages?batch={reply.json['id']}")).json["items"]
    assert {item["template"]["language"] for item in page} == {"pt", "de", "en"}
    again = await run.call("POST", DOOR, body, headers={"Idempotency-Key": "k"})
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_template_to_many_is_a_bulk(run):
    """It needs the bulk's scope and a key, and is to one or to many, not to both or nobody."""
    await keep(run, "en", "Dear {{ name }}")
    headers = {"Idempotency-Key": "k"}
    many = MANY | {"recipients": GUESTS[:1], "variables": {"table": 1}}
    assert (await run.call("POST", DOOR, many)).json["type"].endswith("idempotency-key")
    both, nobody = many | {"to": "x@example.org"}, MANY | {"variables": {"name": "Ana"}}
    assert (await run.call("POST", DOOR, both, headers=headers)).json["errors"][0]["pointer"] == "/to"
    assert (await run.call("POST", DOOR, nobody, headers=headers)).json["errors"][0]["pointer"] == "/to"
    all_scopes, run.key = run.key, await run.draw("send")
    listed = [{"to": "ana@example.org", "variables": {"name": "Ana"}}]
    assert (await run.call("POST", DOOR, MANY | {"recipients": listed}, headers=headers)).status == 403
    run.key = all_scopes
    rehearsed = await run.call("POST", DOOR, MANY | {"recipients": listed, "dry_run": True})
    assert (rehearsed.status, rehearsed.json["accepted"]) == (200, 1)
    taken = await run.call("POST", DOOR, MANY | {"recipients": listed}, headers=headers)
    assert (taken.status, taken.headers["RateLimit-Policy"]) == (202, '"bulk";q=10;w=60, "send";q=100;w=60')


async def test_words_are_printed_after_a_start_and_when_sent_again(tmp_path):
    """What was accepted before the process ended, and what failed and is sent again, has the same words."""
    async with running(tmp_path, deliver=False) as run:
        await keep(run, "en", "Dear {{ name }}, again")
        first = (await send(run, GUESTS, LIQUID)).json["id"]
        listed = [{"to": "ana@example.org", "variables": {"name": "Ana"}}]
        second = await run.call("POST", DOOR, MANY | {"recipients": listed}, headers={"Idempotency-Key": "t"})
    peer = Peer(faults={"RCPT": ["550 5.7.1 no", "550 5.7.1 no", "550 5.7.1 no"]})
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more="", give_up="1h")
        async with running(tmp_path, config) as run:
            for public, count in ((first, 2), (second.json["id"], 1)):
                assert (await finished(run, public))["counts"] == {"failed": count}
                again = await run.call("POST", f"/communications/batches/{public}/resend")
                assert again.status == 202, again.json
                assert (await finished(run, again.json["id"]))["counts"] == {"sent": count}
                assert (await words(run, again.json["id"])) == (await words(run, public))
    texts = sorted(mail.content.count(b"you sit at") for mail in peer.mails)
    assert texts == [0, 1, 1]
    assert sum(b"Dear Ana, again" in mail.content for mail in peer.mails) == 1


async def test_a_failed_message_of_a_batch_is_sent_again_alone(tmp_path):
    """By its own retry too, with the words that were printed for its guest."""
    peer = Peer(faults={"RCPT": ["550 5.7.1 no"]})
    async with receiving(peer):
        config = CONFIG.replace(OUTBOX, "") + SMTP.format(port=peer.port, more="", give_up="1h")
        async with running(tmp_path, config) as run:
            public = (await send(run, GUESTS[:1], LIQUID)).json["id"]
            await finished(run, public)
            (item,) = (await run.call("GET", f"/communications/messages?batch={public}")).json["items"]
            reply = await run.call("POST", f"/communications/messages/{item['id']}/retry")
            assert reply.status == 202
            message = await run.until(reply.json["id"], "sent")
            assert message["retry_of"] == item["id"]
    assert b"Dear Ana, you sit at 7. See you" in peer.mails[0].content
