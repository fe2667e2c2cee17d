"""Templates from the edge: kept in versions, tried out, and printed for a guest in his language."""

import asyncio
import sqlite3

import pytest

from gateway.ledger import verify
from tests.running import CONFIG, running

DOOR = "/communications/templates"
SEND = "/communications/messages/template"
WELCOME = {
    "name": "welcome", "channel": "email", "language": "en", "subject": "Your stay, {{ name }}",
    "html": '<p>Dear {{ name }}, see you on {{ day | date: "long" }}. <a href="{{ map }}">How to find us</a></p>',
    "schema": {"name": {"sample": "Ana"}, "day": {"type": "date"}, "map": {"type": "url"}},
    "declares": {"contains_promotion": False},
}  # fmt: skip
VARIABLES = {"name": "Zé <b>", "day": "2026-06-20", "map": "https://quinta.example/map?a=1&b=2"}
ORDER = {"template": "welcome", "class": "transactional", "category": "booking", "variables": VARIABLES,
         "to": "ana@example.org"}  # fmt: skip


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver by itself."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


async def keep(run, **more):
    reply = await run.call("POST", DOOR, WELCOME | more)
    assert reply.status == 201, reply.json
    return reply.json


async def content(run, reply):
    assert reply.status == 202, reply.json
    return (await run.message(reply.json["id"], "?include=content"))["content"]


# -- keeping ----------------------------------------------------------------------------------------------------------


async def test_a_template_is_kept_and_shown_as_it_was_written(run):
    """201 with its address and version; every member comes back as it was given, with the variables it needs."""
    reply = await run.call("POST", DOOR, WELCOME)
    assert (reply.status, reply.headers["ETag"]) == (201, '"1"')
    assert reply.headers["Location"] == f"{DOOR}/{reply.json['id']}"
    shown = (await run.call("GET", reply.headers["Location"])).json
    assert shown == reply.json
    assert {name: shown[name] for name in WELCOME} == WELCOME
    assert (shown["variables"], shown["version"], shown["text"]) == (["day", "map", "name"], 1, None)


async def test_a_name_is_taken_once_in_each_channel_and_language(run):
    """The same name in the same channel and language is a conflict; in another it is another template."""
    await keep(run, language="pt-BR")
    assert (await run.call("POST", DOOR, WELCOME | {"language": "PT-br"})).status == 409
    await keep(run, language="pt")
    reply = await run.call("POST", DOOR, {"name": "welcome", "channel": "sms", "language": "pt-BR", "text": "Olá"})
    assert reply.status == 201


async def test_two_who_add_the_same_name_at_once_are_told_apart(run):
    """One of two equal requests at the same moment is kept, the other is a conflict."""
    replies = await asyncio.gather(*[run.call("POST", DOOR, WELCOME) for _ in range(2)])
    assert sorted(reply.status for reply in replies) == [201, 409]


async def test_an_edit_makes_a_version_and_leaves_what_it_does_not_name(run):
    """A new version has the new words and the old ones that were not named; the old version can still be read."""
    made = await keep(run)
    at = f"{DOOR}/{made['id']}"
    reply = await run.call("PATCH", at, {"subject": "Hello {{ name }}"}, headers={"If-Match": '"1"'})
    assert (reply.status, reply.headers["ETag"]) == (200, '"2"')
    assert (reply.json["subject"], reply.json["html"]) == ("Hello {{ name }}", WELCOME["html"])
    assert (await run.call("GET", f"{at}/versions/1")).json["subject"] == WELCOME["subject"]
    assert (await run.call("GET", f"{at}/versions/3")).status == 404
    assert (await run.call("GET", f"{at}/versions/x")).status == 404
    versions = (await run.call("GET", f"{at}/versions?limit=1")).json
    assert [one["version"] for one in versions["items"]] == [2]
    older = (await run.call("GET", f"{at}/versions?cursor={versions['next_cursor']}")).json
    assert ([one["version"] for one in older["items"]], older["next_cursor"]) == ([1], None)


async def test_an_edit_for_an_old_version_is_refused(run):
    """If-Match with a version that is no longer the newest is 412 and changes nothing; `*` or none takes what is
    there."""
    at = f"{DOOR}/{(await keep(run))['id']}"
    for header, status in (('"7"', 412), ('W/"1"', 412), ('"1"', 200), ("*", 200), (None, 200)):
        reply = await run.call("PATCH", at, {"text": "Hi {{ name }}"}, headers={"If-Match": header})
        assert reply.status == status, header
    assert (await run.call("GET", at)).json["version"] == 4


async def test_of_two_edits_at_once_one_is_told(run):
    """Two edits of the same version at the same moment never both win."""
    at = f"{DOOR}/{(await keep(run))['id']}"
    edits = [run.call("PATCH", at, {"text": text}, headers={"If-Match": '"1"'}) for text in ("one", "two")]
    assert sorted(reply.status for reply in await asyncio.gather(*edits)) == [200, 412]


async def test_null_takes_a_member_out(run):
    """A page is exchanged for MJML by naming both; what is null is gone."""
    at = f"{DOOR}/{(await keep(run))['id']}"
    mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{ name }}</mj-text></mj-column></mj-section></mj-body></mjml>"  # noqa: E501
    assert (await run.call("PATCH", at, {"mjml": mjml})).status == 422
    reply = await run.call("PATCH", at, {"mjml": mjml, "html": None})
    assert (reply.status, reply.json["html"], reply.json["mjml"]) == (200, None, mjml)


async def test_a_removed_template_is_gone_and_its_messages_stay(run):
    """204; afterwards nothing is printed from it, its name is free, and what was sent still says where it is from."""
    made = await keep(run)
    at = f"{DOOR}/{made['id']}"
    sent = await run.call("POST", SEND, ORDER)
    assert (await run.call("DELETE", at, headers={"If-Match": '"2"'})).status == 412
    assert (await run.call("DELETE", at)).status == 204
    for method, path, body in (("GET", at, None), ("DELETE", at, None), ("PATCH", at, {"text": "x"}),
                               ("GET", f"{at}/versions", None), ("POST", f"{at}/preview", {})):  # fmt: skip
        assert (await run.call(method, path, body)).status == 404
    assert (await run.call("POST", SEND, ORDER)).json["errors"][0]["code"] == "unknown-template"
    assert (await run.message(sent.json["id"]))["template"]["name"] == "welcome"
    await keep(run)


async def test_a_list_shows_templates_newest_first_without_their_words(run):
    """Pages, filters, and no words: a list of two hundred stays small."""
    for language in ("en", "de", "pt"):
        await keep(run, language=language)
    await keep(run, name="goodbye")
    first = (await run.call("GET", f"{DOOR}?limit=3")).json
    rest = (await run.call("GET", f"{DOOR}?limit=3&cursor={first['next_cursor']}")).json
    items = first["items"] + rest["items"]
    assert [one["language"] for one in items] == ["en", "pt", "de", "en"]
    assert (rest["next_cursor"], "html" in items[0]) == (None, False)
    filtered = (await run.call("GET", f"{DOOR}?name=welcome&language=PT&channel=email")).json
    assert [one["id"] for one in filtered["items"]] == [items[1]["id"]]
    assert (await run.call("GET", f"{DOOR}?colour=red&channel=pigeon")).json["errors"][0]["code"] == "unknown-field"


async def test_the_scope_opens_the_doors_and_nothing_else_does(run):
    """`templates` keeps templates and `send` prints from them; neither does the other's work."""
    made = await keep(run)
    keeper, sender = await run.draw("templates"), await run.draw("send")
    for key, status in ((keeper, 200), (sender, 403)):
        reply = await run.call("GET", f"{DOOR}/{made['id']}", headers={"Authorization": f"Bearer {key}"})
        assert reply.status == status
    for key, status in ((keeper, 403), (sender, 202)):
        assert (await run.call("POST", SEND, ORDER, headers={"Authorization": f"Bearer {key}"})).status == status


async def test_the_words_lie_sealed_and_every_act_is_audited(run):
    """No word of a template is readable in the store; adding, editing and removing are in the record."""
    made = await keep(run, text="peculiarword {{ name }}")
    at = f"{DOOR}/{made['id']}"
    await run.call("PATCH", at, {"text": "peculiarword again"})
    await run.call("DELETE", at)
    path = run.gateway.data.database
    db = sqlite3.connect(path)
    dumped = "\n".join(db.iterdump())
    actions = [entry for (entry,) in db.execute("SELECT CAST(entry AS TEXT) FROM audit")]
    db.close()
    assert "template_versions" in dumped and "peculiarword" not in dumped
    assert b"peculiarword".hex().upper() not in dumped.upper()
    assert [sum(f'"template.{verb}"' in entry for entry in actions) for verb in ("added", "edited", "removed")] == [
        1
    ] * 3
    assert verify(path).ok


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "pointer", "code", "where"),
    [
        ({"html": "<p>\n  {{ nam }}</p>"}, "/html", "undeclared-variable", "line 2, column 6"),
        ({"text": "a\nb {% if name %}"}, "/text", "unclosed", "line 2, column 6"),
        ({"text": "{{ name | shout }}"}, "/text", "unknown-filter", "line 1, column 11"),
        ({"text": "{% include 'x' %}"}, "/text", "unknown-tag", "line 1, column 4"),
        ({"text": "{{ name"}, "/text", "syntax", "line 1, column 1"),
        ({"html": "<p>x</p>\n<script>"}, "/html", "forbidden-tag", "line 2, column 1"),
        ({"html": '<a href="{{ map }}" onclick="x">y</a>'}, "/html", "forbidden-attribute", "line 1, column 21"),
        ({"html": "<p title={{ name }}>"}, "/html", "unquoted-value", "line 1, column 9"),
        ({"html": None, "mjml": "<mjml><mj-body>\n<mj-text></mj-body></mjml>"}, "/mjml", "unbalanced",
         "line 2, column 10"),
        ({"html": None, "mjml": "<mjml>\n<mj-body>"}, "/mjml", "unclosed", "line 2, column 1"),
        ({"html": None, "mjml": "<mjml>\n  <mj-carousel/></mjml>"}, "/mjml", "forbidden-tag", "line 2, column 3"),
        ({"html": None, "mjml": "<p>x</p>"}, "/mjml", "syntax", "line 1, column 1"),
        ({"html": None, "mjml": "<mjml><mj-body>\n{{ name }} <mj-text a=b>x</mj-text></mj-body></mjml>"}, "/mjml",
         "syntax", "line 2"),
        ({"html": None, "mjml": '<mjml><mj-head><mj-breakpoint\n width="{{ name }}"/></mj-head><mj-body><mj-section>'
          "<mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"}, "/mjml", "lost",
         "line 2, column 9"),
        ({"html": "{% if name %}<head>{% endif %}</head><p>x</p><style>p { color: red }</style>"}, "/html", "lost",
         "line 1"),
        ({"html": "{{ menu.dish }}", "schema": {"menu": {"type": "object", "members": {"dishes": {}}}}}, "/subject",
         "undeclared-variable", "line 1, column 15"),
        ({"html": None, "mjml": "<mjml><mj-body>\n <mj-include path='x'/></mj-body></mjml>"}, "/mjml", "forbidden-tag",
         "line 2, column 2"),
        ({"subject": "{{ day | date: 'long' | plus: name | money: 'EURO' }}"}, "/subject", "wrong-value", "line 1"),
        ({"subject": "{{ day | date: 7 }}"}, "/subject", "wrong-value", "line 1"),
        ({"subject": "{{ name | number }}"}, "/subject", "wrong-value", "line 1"),
    ],
)  # fmt: skip
async def test_a_fault_is_found_at_save_with_its_place(run, more, pointer, code, where):
    """422 `template` with a pointer to the member, a code, and line and column; nothing is kept."""
    reply = await run.call("POST", DOOR, WELCOME | more)
    assert (reply.status, reply.json["type"]) == (422, "urn:guest-gateway:problem:template")
    (fault, *_) = reply.json["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert fault["detail"].startswith(where)
    assert (await run.call("GET", DOOR)).json["items"] == []


async def test_all_faults_are_told_at_once(run):
    """A template with faults in three members names all of them."""
    reply = await run.call(
        "POST", DOOR, WELCOME | {"subject": "{{ a }}", "html": "<script>", "text": "{{", "schema": {"b": {"sample": 1}}}
    )
    assert {fault["pointer"] for fault in reply.json["errors"]} == {"/subject", "/html", "/text", "/schema/b/sample"}


async def test_a_channel_carries_what_it_can(run):
    """An e-mail needs a subject and some words; a text message takes nothing but text."""
    for more, pointers in (
        ({"subject": None}, ["/subject"]),
        ({"html": None}, ["/text"]),
        ({"html": "<p> </p>", "text": " "}, []),
        ({"channel": "sms"}, ["/subject", "/html"]),
    ):
        reply = await run.call("POST", DOOR, WELCOME | more)
        assert [fault["pointer"] for fault in reply.json.get("errors", [])] == pointers, reply.json


# -- preview ----------------------------------------------------------------------------------------------------------


async def test_a_preview_shows_what_a_guest_would_get(run):
    """With samples for what is left out, escaped, with dates in the template's language, and a text of the page."""
    made = await keep(run)
    reply = await run.call("POST", f"{DOOR}/{made['id']}/preview", {"variables": {"name": "<i>"}})
    assert reply.status == 200
    assert reply.json["subject"] == "Your stay, <i>"
    assert reply.json["html"].startswith("<p>Dear &lt;i&gt;, see you on June 20, 2026.")
    assert reply.json["text"] == "Dear <i>, see you on June 20, 2026. How to find us (https://example.org/)"


async def test_a_preview_can_be_had_in_each_language(run):
    """The language asked for goes down the same chain as a guest's."""
    made = await keep(run)
    await keep(run, language="pt", subject="A sua estadia, {{ name }}")
    for language, subject, used in (("pt-BR", "A sua estadia, Ana", "pt"), ("fr", "Your stay, Ana", "en")):
        reply = await run.call("POST", f"{DOOR}/{made['id']}/preview", {"language": language})
        assert (reply.json["subject"], reply.json["language"]) == (subject, used)


async def test_a_preview_can_be_had_of_each_version(run):
    """An old version prints what it printed."""
    at = f"{DOOR}/{(await keep(run))['id']}"
    await run.call("PATCH", at, {"subject": "New"})
    subjects = [(await run.call("POST", f"{at}/preview", {"version": number})).json["subject"] for number in (1, 2)]
    assert subjects == ["Your stay, Ana", "New"]
    assert (await run.call("POST", f"{at}/preview", {"version": 3})).status == 404


# -- sending ----------------------------------------------------------------------------------------------------------


async def test_a_message_is_printed_for_one_guest(run):
    """202 like a send; the words are the template's with the guest's variables in them, escaped where they stand."""
    made = await keep(run)
    reply = await run.call("POST", SEND, ORDER)
    words = await content(run, reply)
    assert reply.headers["Location"].endswith(reply.json["id"])
    assert reply.json["compliance"]["warnings"] == []
    assert words["subject"] == "Your stay, Zé <b>"
    assert "Dear Zé &lt;b&gt;, see you on June 20, 2026." in words["html"]
    assert 'href="https://quinta.example/map?a=1&amp;b=2"' in words["html"]
    assert words["text"].startswith("Dear Zé <b>, see you")
    shown = (await run.message(reply.json["id"]))["template"]
    assert shown == {"id": made["id"], "name": "welcome", "language": "en", "version": 1}


async def test_the_language_is_the_guests_then_a_wider_one_then_the_venues(tmp_path, clock):
    """pt-BR → pt → the venue's; what is known of a guest goes before what a request says."""
    async with running(tmp_path, CONFIG.replace('language = "en"', 'language = "de-AT"'), clock, deliver=False) as run:
        for language in ("pt", "de", "en"):
            await keep(run, language=language, subject=language)
        for guest, used in (("pt-BR", "pt"), ("PT", "pt"), ("fr", "de"), ("en-GB-oed", "en"), (None, "de")):
            to = {"email": f"g{guest}@example.org".lower(), "language": guest}
            for said in (to, {"email": to["email"], "language": "en"} if guest else to):
                assert (await content(run, await run.call("POST", SEND, ORDER | {"to": said})))["subject"] == used


async def test_no_template_for_a_guest_is_said_with_what_was_tried(run):
    """422 with the languages that would do, and nothing is kept."""
    await keep(run, language="de")
    reply = await run.call("POST", SEND, ORDER | {"to": {"email": "a@example.org", "language": "pt-BR"}})
    (fault,) = reply.json["errors"]
    assert (reply.status, fault["code"]) == (422, "no-language")
    assert fault["detail"].endswith("pt-BR, pt, en")
    assert (await run.call("GET", "/communications/messages")).json["items"] == []


async def test_the_channel_may_be_left_out_while_there_is_only_one(run):
    """A template of one channel needs no channel; of two, the request must say which."""
    await keep(run)
    assert (await run.call("POST", SEND, ORDER)).json["channel"] == "email"
    await run.call("POST", DOOR, {"name": "welcome", "channel": "sms", "language": "en", "text": "Hi {{ name }}"})
    assert (await run.call("POST", SEND, ORDER)).json["errors"][0]["pointer"] == "/channel"
    reply = await run.call("POST", SEND, ORDER | {"channel": "sms", "to": "+351912345678", "variables": {"name": "Zé"}})
    assert (await content(run, reply))["text"] == "Hi Zé"


async def test_a_template_that_is_not_there_is_said(run):
    """A name nobody has, and a channel the name is not kept for."""
    await keep(run)
    for more in ({"template": "nobody"}, {"channel": "sms", "to": "+351912345678"}):
        (fault,) = (await run.call("POST", SEND, ORDER | more)).json["errors"]
        assert (fault["pointer"], fault["code"]) == ("/template", "unknown-template")


async def test_all_languages_of_a_template_are_had_at_once(run):
    """For a request that writes to many: each guest's own is found without another look at the store."""
    await keep(run)
    await keep(run, language="pt", subject="Olá {{ name }}")
    channel, stocks = await run.gateway.parts.printing.stocks("welcome")
    assert channel == "email"
    printed = {language: stocks.of(language).press.print(VARIABLES).subject for language in ("pt-PT", "fr")}
    assert printed == {"pt-PT": "Olá Zé <b>", "fr": "Your stay, Zé <b>"}


async def test_an_edit_counts_for_the_next_message(run):
    """A new version is used from its answer on; what was printed before stays as it was."""
    made = await keep(run)
    before = await run.call("POST", SEND, ORDER)
    await run.call("PATCH", f"{DOOR}/{made['id']}", {"subject": "New"})
    after = await run.call("POST", SEND, ORDER)
    assert [(await content(run, reply))["subject"] for reply in (before, after)] == ["Your stay, Zé <b>", "New"]
    assert (await run.message(after.json["id"]))["template"]["version"] == 2


@pytest.mark.parametrize(
    ("variables", "pointer", "code"),
    [
        ({"name": None}, "/variables/name", "missing"),
        ({"name": 7}, "/variables/name", "wrong-type"),
        ({"name": "a\0"}, "/variables/name", "control-character"),
        ({"name": "x" * 10_001}, "/variables/name", "too-long"),
        ({"day": "20.6.2026"}, "/variables/day", "wrong-type"),
        ({"map": "javascript:alert(1)"}, "/variables/map", "wrong-type"),
        ({"colour/red": "x"}, "/variables/colour~1red", "unknown-variable"),
        ({"name": "é" * 9_999, "x": "y" * 50_000}, "/variables", "too-large"),
    ],
)
async def test_variables_are_held_to_their_schema(run, variables, pointer, code):
    """422 `template` naming the variable at fault; nothing is kept, and the value is not repeated."""
    await keep(run)
    reply = await run.call("POST", SEND, ORDER | {"variables": VARIABLES | variables})
    (fault,) = reply.json["errors"]
    assert (reply.status, fault["pointer"], fault["code"]) == (422, pointer, code)
    assert (await run.call("GET", "/communications/messages")).json["items"] == []


async def test_what_a_template_declares_counts_unless_the_order_says_otherwise(run):
    """The template's word about its content is judged with the message; the order's own goes before it."""
    await keep(run)
    quiet = await run.call("POST", SEND, ORDER)
    loud = await run.call("POST", SEND, ORDER | {"declares": {"contains_promotion": True}})
    assert (quiet.status, loud.status) == (202, 422)
    undeclared = await keep(run, name="other", declares=None)
    assert undeclared["declares"] == {}
    assert "undeclared" in (await run.call("POST", SEND, ORDER | {"template": "other"})).json["compliance"]["warnings"]


async def test_what_is_about_a_guest_lies_sealed(run):
    """Neither variables nor printed words are in the clear in a file, a log or an answer; the template's name is."""
    await keep(run)
    variables = VARIABLES | {"name": "canaryname", "map": "https://canarymap.example/"}
    sent = await run.call("POST", SEND, ORDER | {"variables": variables})
    refused = await run.call("POST", SEND, ORDER | {"variables": variables | {"day": "canaryday", "canarykey": 1}})
    written = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert b"welcome" in written
    for text in (
        written,
        sent.raw,
        refused.raw.replace(b"/variables/canarykey", b""),
        run.log_text.getvalue().encode(),
    ):
        assert b"canary" not in text
    assert "canaryname" in (await content(run, sent))["text"]


async def test_a_repeated_order_prints_once(run):
    """The same key and body get the first answer again, even after the template has changed."""
    made = await keep(run)
    first = await run.call("POST", SEND, ORDER, headers={"Idempotency-Key": "k"})
    await run.call("DELETE", f"{DOOR}/{made['id']}")
    again = await run.call("POST", SEND, ORDER, headers={"Idempotency-Key": "k"})
    assert (again.raw, again.headers["Idempotent-Replayed"]) == (first.raw, "true")
    other = ORDER | {"variables": VARIABLES | {"name": "Rui"}}
    assert (await run.call("POST", SEND, other, headers={"Idempotency-Key": "k"})).status == 422


async def test_messages_are_found_by_their_templates_name(run):
    """`q` finds a part of the category or of the template's name, and nothing else."""
    await keep(run)
    await run.call("POST", SEND, ORDER)
    for q, found in (("elco", 1), ("book", 1), ("ana", 0)):
        assert len((await run.call("GET", f"/communications/messages?q={q}")).json["items"]) == found


async def test_a_retry_says_which_template_it_is_from(run):
    """The same words again keep their origin."""
    await keep(run)
    public = (await run.call("POST", SEND, ORDER)).json["id"]
    await run.call("POST", f"/communications/messages/{public}/cancel")
    again = await run.call("POST", f"/communications/messages/{public}/retry")
    assert (await run.message(again.json["id"]))["template"]["version"] == 1
    assert "Dear Zé &lt;b&gt;" in (await content(run, again))["html"]


async def test_a_template_survives_a_restart_and_its_message_arrives(tmp_path):
    """Printed from what the disk knows, delivered with the words and what the law adds."""
    async with running(tmp_path) as run:
        await keep(run)
    async with running(tmp_path) as run:
        public = (await run.call("POST", SEND, ORDER)).json["id"]
        await run.until(public, "sent")
        assert any(b"see you on June 20, 2026" in mail for mail in run.mails())


async def test_the_limit_of_sends_counts_templates_too(tmp_path, clock):
    """Both doors draw from one account."""
    config = CONFIG + '[limits.send]\nendpoints = ["messages.send", "messages.template"]\nquota = 1\nwindow = "1h"\n'
    config += 'algorithm = "token_bucket"\nby = "api_key"\n'
    async with running(tmp_path, config, clock, deliver=False) as run:
        await keep(run)
        assert (await run.call("POST", SEND, ORDER)).status == 202
        assert (await run.call("POST", SEND, ORDER)).status == 429
