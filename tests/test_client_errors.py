"""Errors of the Python client: each of the gateway's has its class, and none tells what was sent."""

import logging
import pickle
import re
from pathlib import Path

import pytest

import guest_gateway
from gateway.errors import GatewayError as Own
from gateway.errors import StartRefused
from guest_gateway import Gateway, GatewayError, Patience, errors
from guest_gateway.errors import BY_SLUG
from tests.programs import KINDS, program
from tests.running import running

MANUAL = Path(__file__).parent.parent / "docs/api/errors.md"
CANARY = "canary.bird@example.org"
REFUSED = {"channel": "email", "to": CANARY, "subject": "canary", "text": "canary"}
WRONG = [
    lambda gateway: gateway.messages.send(**REFUSED),
    lambda gateway: gateway.messages.send(channel="email", to=CANARY, text="canary"),
    lambda gateway: gateway.messages.send(channel="email", to=CANARY, text="canary", category="Canary Bird"),
    lambda gateway: gateway.messages.send(channel="sms", to=CANARY, text="canary", html="<b>canary"),
    lambda gateway: gateway.messages.send(channel="email", to={"email": CANARY, "nick": "canary"}, text="canary"),
    lambda gateway: gateway.batches.send([CANARY, "canary"], channel="email", text="canary", refuse_faulty=True),
    lambda gateway: gateway.compliance.consent(CANARY, source="Canary Bird"),
    lambda gateway: gateway.compliance.unsubscribe("canary"),
    lambda gateway: gateway.auth.sign_in(CANARY, "canary"),
    lambda gateway: gateway.users.add("canary", "Canary", "owner"),
]


def over_http():
    """The slugs that the manual says come over HTTP."""
    return re.findall(r"^### `([^`]+)`\nHTTP", MANUAL.read_text(), re.MULTILINE)


@pytest.mark.parametrize("slug", over_http())
def test_every_problem_has_its_class_by_the_name_it_has_in_the_gateway(slug):
    """Whoever reads errors.md knows what to catch."""
    kinds = [kind for kind in _family(Own) if kind.code == slug and not issubclass(kind, StartRefused)]
    names = {kind.__name__ for kind in kinds}
    assert BY_SLUG[slug].__name__ in names | {"Internal"}


def _family(kind):
    return [kind, *[member for child in kind.__subclasses__() for member in _family(child)]]


def test_every_class_can_be_had_from_the_package():
    """No error has to be looked for in a module."""
    assert {kind.__name__ for kind in _family(errors.GatewayError)} <= set(guest_gateway.__all__)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_error_and_no_log_line_holds_what_was_sent(tmp_path, kind, caplog):
    """Names, addresses and words of a request are neither in the text of its error nor in what the library logs."""
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path) as run, program(kind, run.key, run.base) as app:
        for what in WRONG:
            with pytest.raises(GatewayError) as failure:
                await app.ask(what)
            told = f"{failure.value} {failure.value!r} {failure.value.args}"
            assert "canary" not in told.lower()
            assert "req_" in told
    lines = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("http"))
    assert "messages/send" in lines
    assert "canary" not in lines.lower()


async def test_an_error_survives_a_queue(tmp_path):
    """A job queue pickles what its jobs raise: class, rules and hint are still there."""
    async with running(tmp_path) as run, program("awaits", run.key, run.base) as app:
        with pytest.raises(GatewayError) as failure:
            await app.ask(WRONG[0])
    copy = pickle.loads(pickle.dumps(failure.value))
    assert (type(copy), copy.reasons, copy.hint, str(copy)) == (
        type(failure.value), failure.value.reasons, failure.value.hint, str(failure.value)
    )  # fmt: skip


def test_nobody_listening_is_told_without_the_address():
    """An error of the network neither names the host nor the path."""
    nobody = Gateway("gk_any", "http://127.0.0.1:1", patience=Patience(tries=1))
    with nobody as gateway, pytest.raises(errors.Unreachable) as failure:
        gateway.messages.get("msg_canary")
    assert str(failure.value) == "The gateway did not answer; it was not asked."
