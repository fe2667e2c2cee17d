"""The Python client's guests and stops: one by one, found by address, as lists."""

import pytest

from guest_gateway import Conflict, Invalid, Precondition
from tests.programs import KINDS, program
from tests.running import running

ANA = [{"kind": "email", "address": "ana@example.org"}]
LIST = b"name,mail,country\nAna,ana@example.org,PT\nBo,bo@example.org,SE\n"


@pytest.fixture(params=KINDS)
async def app(request, tmp_path):
    """A program with a key for everything."""
    async with running(tmp_path) as run, program(request.param, run.key, run.base) as app:
        yield app


async def test_a_guest_is_taken_in_edited_and_found(app):
    """What is known of him is changed in the version that was read, and his contact points with it."""
    made = await app.ask(lambda gateway: gateway.guests.add(ANA, name="Ana", country="PT", tags=["vip"]))
    phone = [{"kind": "phone", "address": "+351912345678"}]
    edited = await app.ask(
        lambda gateway: gateway.guests.edit(made.id, version=made.version, country=None, language="pt", add=phone)
    )
    assert (edited.country, edited.language, edited.tags, len(edited.contacts)) == (None, "pt", ["vip"], 2)
    with pytest.raises(Precondition):
        await app.ask(lambda gateway: gateway.guests.edit(made.id, version=made.version, language="en"))
    found = await app.ask(lambda gateway: gateway.guests.search(phone="+351912345678", content=True))
    assert [(one.id, one.content.name) for one in found.items] == [(made.id, "Ana")]
    assert (await app.ask(lambda gateway: gateway.guests.get(made.id))).content is None
    assert [one.id for one in await app.all(lambda gateway: gateway.guests.list(tag="vip"))] == [made.id]


async def test_a_list_goes_in_and_out(app):
    """A rehearsal stores nothing; then they are there, and come out again; a faulty line is named."""
    columns = {"email": "mail"}
    for dry_run in (True, False):
        report = await app.ask(lambda gateway: gateway.guests.import_csv(LIST, dry_run=dry_run, columns=columns))  # noqa: B023
        assert (report.created, report.stored, len(report.lines)) == (2, not dry_run, 0)
    assert b"bo@example.org" in await app.ask(lambda gateway: gateway.guests.export_csv(content=True))
    with pytest.raises(Invalid) as wrong:
        await app.ask(lambda gateway: gateway.guests.import_csv(b"email\nnobody\n"))
    assert wrong.value.told.report["lines"][0]["line"] == 2


async def test_a_stop_is_written_listed_and_lifted(app):
    """What was written by mistake is lifted once, with a reason."""
    stop = await app.ask(lambda gateway: gateway.suppressions.add("ana@example.org", source="front_desk"))
    listed = await app.all(lambda gateway: gateway.suppressions.list(state="in_force"))
    assert [one.id for one in listed] == [stop.id]
    lifted = await app.ask(lambda gateway: gateway.suppressions.lift(stop.id, "typed in for another Ana"))
    assert lifted.lifted_at
    assert await app.ask(lambda gateway: gateway.suppressions.get(stop.id)) == lifted
    with pytest.raises(Conflict):
        await app.ask(lambda gateway: gateway.suppressions.lift(stop.id, "once more"))
