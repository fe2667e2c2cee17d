"""The Python client's webhooks."""

import pytest

from guest_gateway import Invalid, UrlNotAllowed
from tests.programs import KINDS, built, program
from tests.running import running

pytestmark = pytest.mark.skipif(not built("webhooks"), reason="not built yet")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_webhook_into_the_own_network_is_refused(tmp_path, kind):
    """An address that is not public is refused by its name."""
    async with running(tmp_path) as run, program(kind, run.key, run.base) as app:
        with pytest.raises(Invalid) as refusal:
            await app.ask(lambda gateway: gateway.webhooks.add("https://127.0.0.1/inbox"))
        assert isinstance(refusal.value, UrlNotAllowed) or refusal.value.faults[0].pointer == "/url"
        assert await app.all(lambda gateway: gateway.webhooks.list()) == []
