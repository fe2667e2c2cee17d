"""The Python client's templates: kept, tried out, sent."""

import pytest

from guest_gateway import BadTemplate
from tests.programs import KINDS, program
from tests.running import running

WORDS = {"subject": "Your stay", "text": "Dear {{ name }}, see you on Friday."}


@pytest.fixture(params=KINDS)
async def app(request, tmp_path):
    """A program with a key for everything."""
    async with running(tmp_path) as run, program(request.param, run.key, run.base) as app:
        yield app


async def test_a_template_is_kept_tried_and_taken_out_of_use(app):
    """Each edit is a new version; the old one can still be read; what cannot be printed is refused."""
    made = await app.ask(lambda gateway: gateway.templates.add("stay", "email", "en", **WORDS))
    assert (made.variables, made.version) == (["name"], 1)
    edited = await app.ask(lambda gateway: gateway.templates.edit(made.id, version=1, text="Dear {{ name }}!"))
    assert (edited.version, edited.subject) == (2, "Your stay")
    assert (await app.ask(lambda gateway: gateway.templates.version(made.id, 1))).text == WORDS["text"]
    assert [one.version for one in await app.all(lambda gateway: gateway.templates.versions(made.id, limit=1))] == [
        2,
        1,
    ]
    preview = await app.ask(lambda gateway: gateway.templates.preview(made.id, variables={"name": "Ana"}))
    assert "Dear Ana!" in preview.text
    with pytest.raises(BadTemplate):
        await app.ask(lambda gateway: gateway.templates.add("broken", "email", "en", subject="x", text="{% if %}"))
    await app.ask(lambda gateway: gateway.templates.remove(made.id, version=2))
    assert await app.all(lambda gateway: gateway.templates.list()) == []


async def test_a_message_is_printed_from_a_template(app):
    """The guest gets the words with his own in them."""
    await app.ask(lambda gateway: gateway.templates.add("stay", "email", "en", **WORDS))
    order = {"template": "stay", "to": "ana@example.org", "class_": "transactional", "category": "booking"}
    sent = await app.ask(lambda gateway: gateway.messages.send_template(variables={"name": "Ana"}, **order))
    message = await app.ask(lambda gateway: gateway.messages.get(sent.id, content=True))
    assert "Dear Ana, see you" in message.content.text
    assert (message.template.name, message.template.version) == ("stay", 1)


async def test_many_get_the_words_with_their_own_in_them(app):
    """A recipient's variables go before everybody's, and a faulty one is named; so it is by template and by tag."""
    await app.ask(lambda gateway: gateway.templates.add("stay", "email", "en", **WORDS))
    contacts = [{"kind": "email", "address": "bo@example.org"}]
    await app.ask(lambda gateway: gateway.guests.add(contacts, tags=["wedding"]))
    terms = {"template": "stay", "class_": "transactional", "category": "booking", "variables": {"name": "guest"}}
    wanted = [{"to": "ana@example.org", "variables": {"name": "Ana"}}, "bo@example.org"]
    for recipients, texts in (
        (wanted, ["Dear Ana", "Dear guest"]),
        ({"filter": {"tags": ["wedding"]}}, ["Dear guest"]),
    ):
        sent = await app.ask(lambda gateway: gateway.batches.send(recipients, **terms))  # noqa: B023 asked at once
        found = await app.all(lambda gateway: gateway.messages.list(batch=sent.id, content=True))  # noqa: B023
        assert sorted(one.content.text[: len(text)] for one, text in zip(found[::-1], texts, strict=True)) == texts
