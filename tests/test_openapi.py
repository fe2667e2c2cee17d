"""The API's description: it is what the doors are, it is valid, and a live gateway keeps to it."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import openapi_spec_validator
import pytest
from msgspec import Struct

from gateway.web import app, manual, openapi
from gateway.web.problem import Problem
from gateway.web.routes import API_VERSION, Door, Media
from gateway.web.schemas import Schemas, fits
from tests.fuzz import fuzz
from tests.running import BOOKING, running
from tests.test_docs import error_codes

ROOT = Path(__file__).parent.parent
STORED = ROOT / "docs" / "openapi.json"
DOORS = app.doors(app.MAIN)
SCHEMAS = Schemas(DOORS)
API = json.loads(STORED.read_text())


@pytest.fixture
async def run(tmp_path, clock):
    """An open gateway that does not deliver."""
    async with running(tmp_path, clock=clock, deliver=False) as run:
        yield run


# -- the document -----------------------------------------------------------------------------------------------------


def test_the_stored_copy_is_the_one_the_code_makes():
    """Whoever changes a type sees what that does to the API, in the same commit; `make docs` writes it."""
    assert STORED.read_bytes() == openapi.text(DOORS), "docs/openapi.json is old: run `make docs` and look at the diff"


def test_the_command_prints_it():
    """`gateway openapi` needs no gateway, no data and no key."""
    command = [Path(sys.executable).with_name("gateway"), "openapi"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == STORED.read_bytes()


def test_the_document_is_valid():
    """A strict reader of OpenAPI 3.1 finds nothing wrong, and the same one finds a planted fault."""
    openapi_spec_validator.validate(API)
    with pytest.raises(openapi_spec_validator.validation.exceptions.OpenAPIValidationError):
        openapi_spec_validator.validate(API | {"info": {"title": "without a version"}})


def lacks(door: Door, schemas: Schemas) -> list[str]:
    """What a door would have to declare before it can be described, in sentences."""
    view = door.view
    uses = set(view.__code__.co_names)
    wrong = {
        "give the view a docstring: it is the description": not view.__doc__,
        "declare gives=, the Struct (or the Media) it answers with; only a 204 needs none": door.gives is None
        and door.status != 204,
        "declare query=, a Struct of what may stand behind the ?: the view looks at call.query": "query" in uses
        and door.query is None,
        "declare takes=, the type of the body: the view reads it": door.takes is None
        and not uses.isdisjoint({"order", "read"}),
        'declare repeat="may" or "must": the view looks at the Idempotency-Key': "once" in uses and door.repeat is None,
        "give the thing a `version` in what GET answers: the view looks at If-Match": "wanted" in uses
        and not openapi.edits(door, schemas),
    }
    return [f"{door.name}: {sentence}" for sentence, is_wrong in wrong.items() if is_wrong]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_door_declares_all_that_is_to_be_said_of_it(door):
    """A door that somebody adds is described without a line of description, or this says what it lacks."""
    assert lacks(door, SCHEMAS) == []


def test_a_door_that_says_too_little_is_found():
    """The positive control: every sentence can be provoked."""

    async def view(call):
        await once(call.query, call.order, wanted)  # noqa: F821 it is only looked at

    door = Door("PATCH", "/communications/things/{id}", view, "read")
    assert len(lacks(door, Schemas([door]))) == 6


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_example_of_the_manual_fits_a_type(door):
    """The manual is where examples come from; one that fits neither what is taken nor what is given would be lost."""
    takes = door.takes if isinstance(door.takes, tuple) else (door.takes,)
    kinds = [kind for kind in (*takes, door.gives, Problem) if kind is not None]
    shown = manual.examples(manual.sections("endpoints.md").get(door.name, ""))
    assert [one for one in shown if not any(fits(one, kind) for kind in kinds)] == []
    told = json.dumps(API["paths"][door.path][door.method.lower()])
    assert all(json.dumps(one) in told for one in shown)


def test_every_type_has_a_name_of_its_own():
    """Clients are generated with these names. Two types of one name would be told apart by the modules they are in,
    which is nobody's business: rename one of them."""
    assert [name for name in API["components"]["schemas"] if not name.isidentifier()] == []


def test_what_a_door_declares_is_in_the_document():
    """Scopes, the shape of ids and queries, conditional headers and problems of a few doors whose answers are known."""
    send = API["paths"]["/communications/messages/send"]["post"]
    assert {way["bearer"][0] for way in send["security"]} == {"send", "send.emergency", "send.legal"}
    assert [parameter["name"] for parameter in send["parameters"]] == ["Idempotency-Key"]
    assert {"202", "401", "403", "409", "413", "415", "422", "429", "503"} <= send["responses"].keys()
    blocked = send["responses"]["422"]["content"]["application/problem+json"]
    assert "urn:guest-gateway:problem:blocked" in blocked["schema"]["properties"]["type"]["enum"]
    cancel = API["paths"]["/communications/messages/{id}/cancel"]["post"]
    assert cancel["parameters"][0]["schema"]["pattern"].startswith("^msg_")
    edit = API["paths"]["/communications/users/{id}"]["patch"]
    assert [parameter["name"] for parameter in edit["parameters"]] == ["id", "If-Match"]
    assert "ETag" in edit["responses"]["200"]["headers"]
    listed = {one["name"]: one for one in API["paths"]["/communications/messages"]["get"]["parameters"]}
    assert listed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert "null" not in json.dumps(listed)
    bulk = API["components"]["schemas"]["BulkOrder"]["properties"]["recipients"]
    listed = next(one for one in bulk["anyOf"] if one.get("type") == "array")
    assert listed["items"] == {"$ref": "#/components/schemas/BulkRecipient"}


def test_a_new_door_needs_nothing_but_itself():
    """Types, query, errors and examples of a door nobody has seen before come out by themselves."""

    class Thing(Struct):
        """A thing."""

        id: str
        version: int

    async def change(call):
        """Change a thing. Nothing else is changed."""

    change.__module__ = "gateway.web.users"
    path = "/communications/things/{id}"
    show = Door("GET", path, change, "read", gives=Thing)
    doors = [show, Door("PATCH", path, change, "read", gives=Thing, takes=Thing)]
    shown = {doors[1].name: [{"id": "a", "version": 1}]}
    told = openapi.document(doors, shown)["paths"][path]["patch"]
    assert told["summary"] == "Change a thing"
    assert told["requestBody"]["content"]["application/json"]["examples"] == {"1": {"value": {"id": "a", "version": 1}}}
    assert {"409", "412", "422"} <= told["responses"].keys()


# -- served -----------------------------------------------------------------------------------------------------------


async def test_the_description_is_served_as_it_is_stored(run):
    """Without a key, byte for byte, and not again to whoever has it already."""
    first = await run.call("GET", "/openapi.json", headers={"Authorization": None})
    assert (first.status, first.raw) == (200, STORED.read_bytes())
    again = await run.call("GET", "/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    other = await run.call("GET", "/openapi.json", headers={"If-None-Match": '"other"'})
    assert (again.status, again.raw, other.status) == (304, b"", 200)


async def test_every_answer_names_the_version(tmp_path):
    """Success, refusal, a stream and what comes to no door; and it is the version that is described."""
    assert API["info"]["version"] == API_VERSION
    many = BOOKING | {"recipients": [{"to": "ana@example.org"}]}
    async with running(tmp_path) as run:
        batch = await run.call("POST", "/communications/messages/bulk", many, headers={"Idempotency-Key": "one"})
        for reply in (
            batch,
            await run.send({}),
            await run.call("GET", "/communications/nowhere"),
            await run.call("GET", f"/communications/batches/{batch.json['id']}/events"),
        ):
            assert reply.headers["Gateway-Version"] == API_VERSION
    for page in ("api/requests.md", "compatibility.md"):
        assert f"`{API_VERSION}`" in (text := (ROOT / "docs" / page).read_text()) or f": {API_VERSION}`" in text


class Page(HTMLParser):
    """What a page consists of: its tags, where it leads, and the names within it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.leads, self.names, self.headings = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.add(tag)
        self.leads += [known[name] for name in ("href", "src", "action", "srcset") if name in known]
        self.names += [known["id"]] if "id" in known else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        assert "style" not in known and not any(name.startswith("on") for name in known)


def test_the_reader_of_pages_sees_what_would_leave():
    """The positive control: an address elsewhere and a script are seen."""
    page = Page('<h1 id="a"><a href="https://example.org">x</a></h1><script src="//cdn.example"></script>')
    assert (page.leads, page.names) == (["https://example.org", "//cdn.example"], ["a"])
    assert "script" in page.tags


async def test_the_pages_are_whole_and_offline(run):
    """Nothing leaves: no script, no address elsewhere; every link leads somewhere, every name is there once, headings
    do not skip a level, and no mark is left of how it is written down."""
    reply = await run.call("GET", "/docs", headers={"Authorization": None})
    page = Page(reply.raw.decode())
    assert "`" not in reply.raw.decode()
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not {"script", "style", "img", "iframe", "object"} & page.tags
    assert len(set(page.names)) == len(page.names)
    assert all(deeper - level <= 1 for level, deeper in zip(page.headings, page.headings[1:], strict=False))
    for lead in set(page.leads):
        assert lead.startswith(("/", "#")) and not lead.startswith("//")
        assert lead[1:] in page.names if lead.startswith("#") else (await run.call("GET", lead)).status == 200
    operations = [one["operationId"] for path in API["paths"].values() for one in path.values()]
    assert set(operations) | {f"type.{name}" for name in API["components"]["schemas"]} <= set(page.names)


@pytest.mark.parametrize("slug", sorted(set(error_codes())))
async def test_every_error_has_its_page(run, slug):
    """What it means and what to do then, in the manual's words; a slug that is none has no page."""
    reply = await run.call("GET", f"/docs/errors/{slug}", headers={"Authorization": None})
    page = Page(text := reply.raw.decode())
    assert reply.status == 200
    assert f"<h1><code>{slug}</code></h1>" in text and text.count("<p>") >= 2
    assert "](" not in text and "`" not in text
    assert {lead for lead in page.leads if not lead.startswith("#")} <= {"/docs", "/docs/docs.css"}
    assert (await run.call("GET", f"/docs/errors/{slug}x")).status == 404


DRAWN = ("--seed", "2", "--generation-deterministic", "--max-examples", "4")


# -- kept -------------------------------------------------------------------------------------------------------------


async def test_a_live_gateway_keeps_to_its_description(tmp_path):
    """Requests made from the document, good ones and bad ones: nothing is answered that the document does not tell of,
    and nothing breaks. `make fuzz` looks longer."""
    status, said = await fuzz(tmp_path, *DRAWN, "--phases", "examples,fuzzing")
    assert status == 0, said
    assert re.search(r"\b[1-9]\d\d+ passed", said), said


async def test_what_one_door_gives_the_next_takes(tmp_path):
    """The same one after the other, as links lead: things are made, found, changed and taken away."""
    things = "^/communications/(guests|webhooks|api-keys|users|batches|messages)"
    status, said = await fuzz(tmp_path, *DRAWN, "--phases", "stateful", "--include-path-regex", things)
    assert status == 0, said
    assert re.search(r"API Links: +[1-9]\d* covered", said), said


def test_media_is_told_by_its_type_alone():
    """What is no JSON has no schema to be held against."""
    events = API["paths"]["/communications/batches/{id}/events"]["get"]
    assert events["responses"]["200"]["content"] == {Media("text/event-stream").type: {}}
    assert "Last-Event-ID" in [parameter["name"] for parameter in events["parameters"]]
