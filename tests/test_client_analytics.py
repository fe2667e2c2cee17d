"""The Python client's figures."""

import pytest

from tests.programs import KINDS, program
from tests.running import BOOKING, running


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_sent_is_counted(tmp_path, kind):
    """A message that was sent is in the figures of its day and channel."""
    async with running(tmp_path) as run, program(kind, run.key, run.base) as app:
        sent = await run.send(BOOKING | {"to": "ana@example.org"})
        await run.until(sent.json["id"], "sent")
        report = await app.ask(lambda gateway: gateway.analytics.report(["day", "channel"], category="booking"))
    assert (report.group_by, report.totals.counts["sent"]) == (["day", "channel"], 1)
    assert report.items[0]["channel"] == "email"
    assert report.from_ < report.to
