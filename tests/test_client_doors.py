"""The Python client is whole: every door has its method, what a body may hold can be said, an answer be read."""

import inspect
import re
import typing
from pathlib import Path

import msgspec
import pytest

from gateway.web import app
from gateway.web.routes import PREFIX, Door
from guest_gateway import Gateway
from guest_gateway.doors import Method
from guest_gateway.request import Page

MANUAL = Path(__file__).parent.parent / "docs/api/clients.md"
ELSEWHERE = {"GET health", "GET metrics"}
"""Doors for whoever watches the gateway, not for whoever uses it."""
SAID_OTHERWISE = {"contacts": "add", "message": "to", "on_fault": "refuse_faulty"}
"""Members that an argument of another name may stand for."""
UNSAID = {
    "batches.rehearse": {"dry_run", "on_fault"},  # it is what it does; it refuses nobody
    "batches.send": {"dry_run"},
    "breaches.rehearse": {"dry_run"},
    "breaches.tell": {"dry_run"},
    "messages.send_template": {"recipients", "dry_run", "on_fault"},  # to many it is `batches.send(template=…)`
}
NOT_BUILT = {"fallback"}
"""Members of which the gateway takes only null."""


def doors() -> dict[str, Door]:
    """Every door of the API, by method and path, whatever the parts of a path are called."""
    found = [door for door in app.doors(app.MAIN) if door.path.startswith(f"{PREFIX}/")]
    named = {f"{door.method} {_nameless(door.path.removeprefix(PREFIX + '/'))}": door for door in found}
    return {name: door for name, door in named.items() if name not in ELSEWHERE}


def _nameless(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def methods() -> dict[str, Method]:
    """Every method of the client, by what a program calls it."""
    with Gateway(None) as gateway:
        resources = {name: type(one) for name, one in vars(gateway).items() if not name.startswith("_")}
    return {
        f"{name}.{call}": method
        for name, resource in resources.items()
        for call, method in vars(resource).items()
        if isinstance(method, Method)
    }


DOORS, METHODS = doors(), methods()
LEADS_TO = {call: f"{method.door.method} {method.door.path}" for call, method in METHODS.items()}
OPEN = {call: DOORS[door] for call, door in LEADS_TO.items() if door in DOORS}


@pytest.mark.parametrize("name", DOORS)
def test_every_door_has_its_method(name):
    """What the API can do, a program can ask for."""
    assert name in LEADS_TO.values()


@pytest.mark.parametrize("call", LEADS_TO)
def test_every_method_has_its_door(call):
    """No method leads nowhere."""
    assert LEADS_TO[call] in DOORS


def fields(type_) -> dict[str, msgspec.structs.FieldInfo]:
    """The members of a struct, as JSON has them."""
    is_struct = isinstance(type_, type) and issubclass(type_, msgspec.Struct)
    return {field.encode_name: field for field in msgspec.structs.fields(type_)} if is_struct else {}


def answers() -> list[str]:
    return [call for call, door in OPEN.items() if fields(door.gives)]


@pytest.mark.parametrize("call", answers())
def test_every_member_of_an_answer_can_be_read(call):
    """The client's type has each member of the gateway's, and needs none that is not there."""
    theirs, ours = fields(OPEN[call].gives), METHODS[call].door.gives
    if typing.get_origin(ours) is Page:
        (item,), (ours,) = typing.get_args(theirs["items"].type), typing.get_args(ours)
        theirs = fields(item)
    ours = fields(ours)
    absent = (
        {"id", "waits"} if call.startswith(("batches.", "breaches.")) else set()
    )  # one of a batch, one of a rehearsal
    assert theirs.keys() - ours.keys() - absent == set()
    assert {name for name, field in ours.items() if field.required} - theirs.keys() == set()


def arguments(method: Method) -> set[str]:
    """What a method can be given, members of its `**` included."""
    names = set()
    for parameter in inspect.signature(method.bound(None, lambda _: None)).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            names |= typing.get_type_hints(typing.get_args(parameter.annotation)[0]).keys()
        names.add(parameter.name)
    return {name.rstrip("_") for name in names}


@pytest.mark.parametrize("call", [call for call, door in OPEN.items() if fields(door.takes)])
def test_every_member_of_a_body_can_be_said(call):
    """Nothing the gateway understands is out of a program's reach."""
    wanted = fields(OPEN[call].takes).keys() - NOT_BUILT - UNSAID.get(call, set())
    said = arguments(METHODS[call])
    assert [name for name in wanted if not {name, SAID_OTHERWISE.get(name)} & said] == []


def test_the_manual_names_every_method_and_no_other():
    """Whoever reads clients.md knows all there is."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", MANUAL.read_text(), re.MULTILINE)
    named = {f"{resource}.{call}" for resource, calls in rows for call in re.findall(r"`(\w+)`", calls)}
    assert named == METHODS.keys()
