"""The Python client's webhooks: made, tried, replaced, taken away; and what arrives at them is believed."""

import pytest

from guest_gateway import BadSignature, UrlNotAllowed, verified
from tests.programs import KINDS, program
from tests.running import running
from tests.test_webhooks import allowing
from tests.webhook_peer import NAME, Ear, leading, listening


@pytest.fixture
async def ear(tmp_path, monkeypatch):
    """A peer that listens at a name of its own."""
    leading(monkeypatch, {NAME: "127.0.0.1"})
    async with listening(Ear(), tmp_path) as ear:
        yield ear


@pytest.fixture(params=KINDS)
async def app(request, tmp_path, ear):
    """A program with a key for everything, at a gateway that may reach the peer."""
    async with running(tmp_path, allowing(ear.port)) as run, program(request.param, run.key, run.base) as app:
        yield app


async def test_what_the_gateway_sends_is_believed(app, ear):
    """A test event is signed with the secret of its webhook, and with the new one and the old while they change."""
    hook = await app.ask(lambda gateway: gateway.webhooks.add(f"https://{NAME}:{ear.port}/in"))
    new = await app.ask(lambda gateway: gateway.webhooks.rotate(hook.id))
    delivery = await app.ask(lambda gateway: gateway.webhooks.test(hook.id))
    (heard,) = await ear.until(1)
    for secret in (hook.secret, new.secret):
        event = verified(heard.body, heard.headers, secret)
        assert (event.id, event.type) == (delivery.id, "webhook.test")
    with pytest.raises(BadSignature):
        verified(heard.body + b" ", heard.headers, hook.secret)
    again = await app.ask(lambda gateway: gateway.webhooks.replay(hook.id, delivery.id))
    assert [one.id for one in await app.all(lambda gateway: gateway.webhooks.deliveries(hook.id))] == [again.id]


async def test_a_webhook_lives_from_its_making_to_its_end(app, ear):
    """Its secret is shown once; what it hears can be changed; an address in the own network is refused by name."""
    with pytest.raises(UrlNotAllowed):
        await app.ask(lambda gateway: gateway.webhooks.add("https://127.0.0.1/in"))
    hook = await app.ask(lambda gateway: gateway.webhooks.add(f"https://{NAME}:{ear.port}/in", ["message.sent"]))
    changed = await app.ask(lambda gateway: gateway.webhooks.change(hook.id, version=hook.version, enabled=False))
    assert (changed.enabled, changed.events, changed.secret) == (False, ["message.sent"], None)
    assert await app.ask(lambda gateway: gateway.webhooks.get(hook.id)) == changed
    await app.ask(lambda gateway: gateway.webhooks.remove(hook.id, version=changed.version))
    assert await app.all(lambda gateway: gateway.webhooks.list()) == []
